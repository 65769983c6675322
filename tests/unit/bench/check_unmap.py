#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark of teardown as a user sees it: every case runs, figures are there where they belong.

usage: check_unmap.py UNMAP
"""
import pathlib
import re
import sys
import tempfile

from bench_csv import Bench

BENCH = Bench(sys.argv[1])
run, figures = BENCH.run, BENCH.figures
PROFILE = pathlib.Path(__file__).resolve().parents[3] / 'bench' / 'machines' / 'haswell-ex.ini'
SMALL = ['--machine', 'pack:1 node:1 core:2 pu:1', '--memory', '32M', '--threads', '1,2']
TWO_NODES = ['--mode', 'virtual', '--machine', 'pack:2 node:1 core:2 pu:1', '--memory', '64M']
SHARES = ['zone_lock_share', 'lru_lock_share', 'pte_lock_share']


def list_cases():
    return re.findall(r'^ +[* ] ([a-z0-9-]+) ', run('--list').split('metrics:')[0], re.M)


def natively():
    """All cases. Those that have a counterpart of the host's are compared with it."""
    cases = list_cases()
    assert len(cases) > 30, cases
    got = figures(*SMALL, '--repeat', '1', '--warmup', '0', '--case', ','.join(cases))
    for case in cases:
        alone = case.startswith('serial')
        impl = 'host' if case.startswith('host') else 'mmsim'
        assert [k[1:] for k in sorted(got) if k[0] == case] == [
            (impl, n) for n in ([1] if alone else [1, 2])], case
    for (case, impl, threads), value in got.items():
        assert value['time_ns'] > 0 and value['touch_ns_per_page'] > 0, (case, value)
        assert ('ratio_to_host' in value) == (impl == 'mmsim'), (case, value)
        for share in SHARES:
            assert (share in value) == (impl == 'mmsim'), (case, value)
            # Natively a waiter may be off its CPU: then it waits longer than it works.
            assert value.get(share, 0) >= 0, (case, value)


def pages_are_those_that_were_mapped():
    """5/8 of the memory, in processes too, and of one zone at most 3/4."""
    for case, threads, pages in (('serial-4k', '1', [10240]), ('serial-thp', '1', [10240]),
                                 ('processes-4k', '2', [10240]),
                                 ('serial-one-zone-4k', '1', [5120, 6144])):
        got = figures(*TWO_NODES, '--case', case, '--threads', threads)
        value = got[case, 'mmsim', int(threads)]
        assert round(value['time_ns'] / value['ns_per_page']) in pages, (case, value)


def virtually():
    args = [*TWO_NODES, '--threads', '1,2']
    text = run(*args, '--format', 'csv')
    assert text == run(*args, '--format', 'csv'), 'not the same twice'
    assert 'host-munmap' not in text, text
    with tempfile.TemporaryDirectory() as folder:
        assert text == run(*args, '--format', 'csv', '--trace', folder + '/t.json')
    line = run(*args, '--case', 'host-munmap-4k', expect=77)
    assert 'host-munmap-4k' in line and 'native' in line, line


def scale_multiplies_times():
    whole, half = (figures(*TWO_NODES, '--case', 'serial-4k', '--threads', '1', '--set',
                           'scale=%d' % n)['serial-4k', 'mmsim', 1] for n in (1, 2))
    assert abs(half['time_ns'] / whole['time_ns'] - 1) < 0.1, (whole, half)


def workers_get_chains():
    """A worker takes over what the caller would have done itself."""
    got = figures(*TWO_NODES, '--memory', '256M', '--threads', '1', '--case',
                  'serial-4k,batch-workers-4k')
    serial, workers = (got[case, 'mmsim', 1] for case in ('serial-4k', 'batch-workers-4k'))
    assert serial['batches'] == 19 and workers['batches'] == 6, got
    assert workers['time_ns'] < serial['time_ns'], got


def shares_are_of_those_that_work():
    """Workers fight for the zone; more time than there was nobody waits."""
    got = figures('--mode', 'virtual', '--machine', 'pack:1 node:1 core:8 pu:1', '--memory', '256M',
                  '--threads', '1,4', '--case', 'batch-workers-4k,processes-4k')
    for case in 'batch-workers-4k', 'processes-4k':
        one, four = (got[case, 'mmsim', n]['zone_lock_share'] for n in (1, 4))
        assert 0 <= one < 0.05 and 0.1 < four < 0.9, (case, one, four)


def shuffled_frames_make_no_runs():
    got = figures(*TWO_NODES, '--threads', '1', '--case',
                  'range-parallel-4k,range-parallel-shuffled-4k')
    plain, shuffled = (got['range-parallel%s-4k' % word, 'mmsim', 1]['time_ns'] for word in
                       ('', '-shuffled'))
    assert shuffled > 1.5 * plain, (plain, shuffled)


def more_threads_are_faster():
    got = figures(*TWO_NODES, '--memory', '256M', '--threads', '1,2', '--case',
                  'range-parallel-4k')
    one, two = (got['range-parallel-4k', 'mmsim', n]['time_ns'] for n in (1, 2))
    assert two < 0.9 * one, (one, two)


def published():
    text = run('--mode', 'virtual', '--machine', str(PROFILE), '--set', 'scale=1024', '--threads',
               '1,2', '--case', 'serial-4k,batch-workers-4k')
    assert 'published: free() of one 320G malloc' in text, text
    assert '3 of 7 rows predicted, 2 counted' in text, text
    assert '1/1024' in text, text


def refusals():
    for args, word in ((['--set', 'chunk=5'], 'chunk=5'), (['--set', 'scale=2000'], 'scale=2000'),
                       (['--set', 'free=3'], 'free=3'), (['--scale', '1/1000000'], '--scale')):
        line = run(*args, expect=2)
        assert word in line and line.count('\n') == 1, line
    run('--case', 'host-munmap-4k', '--memory', '60T', expect=77)


natively()
pages_are_those_that_were_mapped()
virtually()
scale_multiplies_times()
workers_get_chains()
shares_are_of_those_that_work()
shuffled_frames_make_no_runs()
more_threads_are_faster()
published()
refusals()
