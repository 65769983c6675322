#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark of kernel addresses as a user sees it: every case runs, figures are there where they belong.

usage: check_vmap.py VMAP
"""
import pathlib
import re
import sys

from bench_csv import Bench

BENCH = Bench(sys.argv[1])
run, figures = BENCH.run, BENCH.figures
PROFILE = pathlib.Path(__file__).resolve().parents[3] / 'bench' / 'machines' / 'threadripper-3970x.ini'
SMALL = ['--machine', 'pack:1 node:1 core:2 pu:1', '--memory', '256M', '--threads', '1,2', '--repeat', '1',
         '--warmup', '0']
TINY = ['--set', 'loops=20', '--set', 'junk=30', '--set', 'held=30', '--set', 'pcpu=50', '--set', 'live=50']
EIGHT = ['--mode', 'virtual', '--machine', 'pack:1 node:1 core:8 pu:1', '--memory', '512M']
IMPLS = ['mmsim', 'mmsim:one-lock', 'mmsim:one-node', 'mmsim:local', 'mmsim:tree', 'mmsim:free-tables',
         'mmsim:capped', 'mmsim:nodes']
SHARES = ['lock_share', 'free_lock_share', 'busy_lock_share', 'zone_lock_share', 'lazy_lock_share',
          'pool_lock_share', 'tables_lock_share', 'purge_lock_share']


def list_cases():
    return re.findall(r'^ +[* ] ([a-z0-9_-]+) ', run('--list').split('metrics:')[0], re.M)


def natively():
    """All cases by all designs; the host has only itself."""
    cases = list_cases()
    assert len(cases) == 20, cases
    got = figures(*SMALL, *TINY, '--set', 'impls=255', '--case', ','.join(cases))
    for case in cases:
        impls = ['host'] if case.startswith('host') else IMPLS
        assert sorted(k[1:] for k in got if k[0] == case) == sorted(
            (impl, n) for n in (1, 2) for impl in impls), case
    for (case, impl, _), value in got.items():
        assert value['ns_per_pair'] > 0 and value['pairs_per_s'] > 0 and value['time_ns'] > 0, (case, value)
        for share in SHARES:
            assert (share in value) == (impl != 'host'), (case, impl, value)
            assert value.get(share, 0) >= 0, (case, value)
        if case.startswith('pair') or impl == 'host':
            continue
        assert value['table_pages'] >= 1, (case, value)


def impls_are_a_sum():
    for impls in (1, 2, 8, 65, 128):
        got = figures(*SMALL, *TINY, '--threads', '1', '--case', 'pair-1page', '--set', 'impls=%d' % impls)
        assert sorted(k[1] for k in got) == sorted(
            name for bit, name in enumerate(IMPLS) if impls >> bit & 1), got


def virtually():
    args = [*EIGHT, *TINY, '--threads', '1,8']
    text = run(*args, '--format', 'csv')
    assert text == run(*args, '--format', 'csv'), 'not the same twice'
    for case in 'random-100page', 'random_size_alloc_test':
        one, two = (figures(*args, '--case', case, '--seed', n) for n in '12')
        assert one != two, '%s: a seed changes nothing' % case
    assert 'host-mmap' in run(*args, '--case', 'host-mmap', expect=77)


def one_lock_is_fought_for():
    """What the nodes are for; with one worker nobody waits."""
    got = figures(*EIGHT, '--case', 'pair-1page', '--threads', '1,8', '--set', 'loops=2000')
    for impl in IMPLS[:2]:
        assert got['pair-1page', impl, 1]['lock_share'] < 0.05, (impl, got)
    nodes, one = (got['pair-1page', impl, 8] for impl in IMPLS[:2])
    assert one['lock_share'] > 0.5 and nodes['lock_share'] < 0.7 * one['lock_share'], (nodes, one)
    assert nodes['pairs_per_s'] > 2 * one['pairs_per_s'], (nodes, one)
    assert abs(sum(one[s] for s in SHARES[1:-1]) - one['lock_share']) < 0.05, one


def shares_are_of_their_locks():
    """As the table of locks has them."""
    names = {'free_vmap_area_lock': 'free', 'vmap_node->busy.lock': 'busy', 'vmap_node->lazy.lock': 'lazy',
             'vmap_node->pool_lock': 'pool', 'init_mm.page_table_lock': 'tables', 'zone->lock': 'zone'}
    args = [*EIGHT, '--case', 'mask-7', '--threads', '8', '--set', 'impls=1', '--set', 'loops=200']
    got = figures(*args)['mask-7', 'mmsim', 8]
    table = dict(re.findall(r'^mask-7 +(\S+) .* ([0-9.]+) %$', run(*args, '--locks'), re.M))
    for lock, name in names.items():
        if lock in table:
            assert abs(float(table[lock]) - 100 * got[name + '_lock_share']) < 0.01, (lock, table, got)
    assert sum(float(table.get(lock, 0)) > 0.1 for lock in names) >= 2, table


def time_is_that_of_the_kernels_loops():
    """Half of the loops, the same time; and a million of them as a million pairs."""
    half, whole = (figures(*EIGHT, '--case', 'fix_size_alloc_test', '--threads', '1', '--set', 'impls=1', '--set',
                           'loops=%d' % n)['fix_size_alloc_test', 'mmsim', 1] for n in (4000, 8000))
    assert abs(half['time_ns'] / whole['time_ns'] - 1) < 0.1, (half, whole)
    assert abs(whole['time_ns'] / (1e6 * whole['ns_per_pair']) - 1) < 0.01, whole


def more_workers_than_cpus():
    """They share CPUs: each is slower, all together are not."""
    got = figures(*EIGHT, '--case', 'fix_size_alloc_test', '--threads', '8,32', '--set', 'impls=1', '--set',
                  'loops=2000')
    few, many = (got['fix_size_alloc_test', 'mmsim', n] for n in (8, 32))
    assert 3 < many['time_ns'] / few['time_ns'] < 5, (few, many)
    assert 'at most' in run(*EIGHT, '--threads', '2000', expect=2)


def kernel_lines():
    text = run(*EIGHT, *TINY, '--threads', '2', '--case', 'suite', '--set', 'mask=%d' % (1 << 0 | 1 << 6 | 1 << 11),
               '--set', 'times=2', '--set', 'impls=1', '--format', 'kernel')
    names = 'fix_size_alloc_test', 'align_shift_alloc_test', 'no_block_alloc_test'
    counts = 'passed: 2 failed: 0 xfailed: 0', 'passed: 0 failed: 0 xfailed: 2', 'passed: 0 failed: 2 xfailed: 0'
    for name, count in zip(names, counts):
        lines = re.findall('^Summary: %s %s repeat: 2 loops: 20 avg: [0-9]+ usec$' % (name, count), text, re.M)
        assert len(lines) == 2, text
    assert re.findall(r'^All test took worker([0-9]+)=[0-9]+ cycles$', text, re.M) == ['0', '1'], text


def a_test_that_fails():
    """There is no memory for what it wants."""
    line = run(*SMALL, '--threads', '1', '--case', 'fix_size_alloc_test', '--set', 'loops=2', '--set',
               'nr_pages=60000', '--memory', '64M', expect=1)
    assert 'fix_size_alloc_test' in line and 'failed' in line, line


def published():
    text = run('--mode', 'virtual', '--machine', str(PROFILE), '--threads', '1', '--set', 'loops=200', '--case',
               'fix_size_alloc_test')
    assert 'published: one-page vmalloc/vfree pair, 1 job' in text, text
    assert '2 of 2 rows predicted' in text, text


def refusals():
    for args, word in ((['--set', 'impls=256'], 'impls=256'),
                       (['--set', 'mask=4096'], 'mask=4096'), (['--set', 'nr_pages=0'], 'nr_pages=0'),
                       (['--scale', '1/1000000'], '--scale')):
        line = run(*args, expect=2)
        assert word in line and line.count('\n') == 1, line


natively()
impls_are_a_sum()
virtually()
one_lock_is_fought_for()
shares_are_of_their_locks()
time_is_that_of_the_kernels_loops()
more_workers_than_cpus()
kernel_lines()
a_test_that_fails()
published()
refusals()
