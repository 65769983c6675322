#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`replay` as a user sees it: what a machine recorded is exact, and what is wrong with a file is said.

usage: check_replay.py REPLAY RECORDING
"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

REPLAY, RECORDING = sys.argv[1:3]
SELF = '--memory', '48M', '--set', 'operations=60000'


def run(*args, expect=0):
    done = subprocess.run([REPLAY, *args], capture_output=True, text=True)
    assert done.returncode == expect, (args, done.returncode, done.stderr)
    if expect == 0:
        assert done.stderr == '', (args, done.stderr)
    return done.stdout if expect == 0 else done.stderr


def medians(*args):
    doc = json.loads(run(*args, '--format', 'json'))
    return doc, {row['metric']: row['median'] for row in doc['aggregates']}


def self_is_exact():
    """Exit code 1 otherwise; and it has to have something to be exact about."""
    for seed in '1', '2':
        doc, value = medians(*SELF, '--seed', seed)
        for share in 'exact', 'refill', 'drain', 'fallback', 'list', 'in_list', 'pcp_list':
            assert value[share + '_share'] == 1, (share, value)
        assert value['tv_distance'] == value['tv_distance_free'] == 0, value
        kinds = [name for name in value if name.startswith('mismatch_')]
        assert len(kinds) == 15 and not any(value[name] for name in kinds), value
        for count in 'allocs', 'frees', 'refilled', 'drained', 'extfrags', 'steals', 'claims':
            assert value[count] > 10, (count, value)
        assert value['zone_lock_acquired'] >= value['refills'] + value['drains'], value
        assert 0.5 < value['pcp_hit_share'] < 1, value
        assert value['unusable_o9'] == value['unusable_o9_kernel'] > 0, value
        assert doc['runs'][0]['impl'] == 'mmsim' and doc['runs'][0]['case'] == 'self', doc
        assert '--seed' in doc['context']['cmdline'], doc['context']


def self_is_exact_by_other_policies():
    for policy in 'fallback=uncached', 'fallback=largest', 'pcp-high=fixed':
        doc, value = medians(*SELF, '--policy', policy)
        assert value['exact_share'] == value['list_share'] == 1, (policy, value)
        assert doc['runs'][0]['impl'] == 'mmsim:' + policy.split('=')[1], doc['runs']


def a_replay_repeats():
    rows = list(csv.DictReader(io.StringIO(run(*SELF, '--repeat', '3', '--format', 'csv'))))
    assert {row['rep'] for row in rows} == {'0', '1', '2'}, rows
    for metric in 'events', 'longest_run', 'zone_lock_acquired', 'claims':
        values = {row['value'] for row in rows if row['metric'] == metric}
        assert len(values) == 1, (metric, values)


def sides_stand_side_by_side():
    for form in 'table', 'markdown':
        text = run(*SELF, '--mismatches', '3', '--format', form)
        for words in ('self: exactness', 'self: mismatches', 'zone DMA32', 'Movable, kernel',
                      'simulated', 'unusable', 'free blocks of 2 MiB', 'pageblocks Movable',
                      'the first mismatches', 'line seconds cpu event pfn'):
            assert words in text, (form, words)


def a_trace_alone(folder):
    """Free-running on a fresh machine: the page cannot be the one of this trace but by chance."""
    path = os.path.join(folder, 'events.txt')
    with open(path, 'w') as out:
        for i in range(50):
            out.write('[000] 0.%09d: mm_page_alloc: pfn=%#x order=0 migratetype=1 '
                      'gfp_flags=GFP_HIGHUSER_MOVABLE\n' % (i, 0x100 + i))
        out.write('[000] 0.900000000: mm_page_free: pfn=0x100 order=0\n')
    doc, value = medians('--trace', path)
    assert doc['runs'][0]['impl'] == 'mmsim:free-running', doc['runs']
    assert doc['runs'][0]['case'] == 'events.txt', doc['runs']
    assert value['allocs'] == 50 and value['frees'] == 1, value
    assert 'list_share' not in value and 'tv_distance' not in value, value


def a_recording_with_another_trace(folder):
    """Of two directories with one name both are run; each difference is written down."""
    trace = os.path.join(folder, 'one.txt')
    listed = os.path.join(folder, 'list')
    with open(trace, 'w') as out:
        out.write('[000] 9.000000000: mm_page_alloc: pfn=0x400 order=0 migratetype=1 '
                  'gfp_flags=GFP_HIGHUSER_MOVABLE\n')
    doc, value = medians('--snapshot', RECORDING, '--trace', trace, '--mismatches', listed)
    assert value['allocs'] == 1, value
    differences = sum(value[name] for name in value if name.startswith('mismatch_'))
    with open(listed) as lines:
        assert len(lines.readlines()) == 1 + differences, (listed, value)
    name = os.path.basename(RECORDING)
    cases = run('--snapshot', RECORDING + '/,' + RECORDING, '--list')
    assert ' %s ' % name in cases and ' %s-2 ' % name in cases, cases


def what_is_wrong_is_said(folder):
    """In one line, that names the file or the option; nothing on stdout."""
    broken = os.path.join(folder, 'broken.txt')
    with open(broken, 'w') as out:
        out.write('[000] 0.100: mm_page_free: pfn=0x100 order=0\n[000] 0.200: mm_page_free: pfn=x\n')
    missing = os.path.join(folder, 'missing')
    for code, words, *args in (
            (1, 'broken.txt:2:', '--trace', broken),
            (1, 'before.zoneinfo', '--snapshot', missing),
            (1, 'events.txt', '--snapshot', RECORDING),
            (2, '--mismatches', '--mismatches', missing + '/x'),
            (2, '--output', '--output', missing + '/x'),
            (2, '--mode', '--mode', 'virtual'),
            (2, '--machine', '--machine', 'pu:4'),
            (2, '--memory', '--memory', '1G', '--trace', broken),
            (2, '--format', '--format', 'kernel'),
            (2, '--mismatches', '--mismatches', '3', '--format', 'csv'),
            (2, '--mismatches', '--mismatches', broken, '--output', broken),
            (2, '--policy', '--policy', 'fallback=x')):
        message = run(*args, expect=code)
        assert words in message and message.count('\n') == 1, (args, message)


def help_has_both():
    text = run('--help')
    for option in '--snapshot', '--hints', '--free-running', '--policy', '--repeat', '--output':
        assert option in text, option


if __name__ == '__main__':
    self_is_exact()
    self_is_exact_by_other_policies()
    a_replay_repeats()
    sides_stand_side_by_side()
    with tempfile.TemporaryDirectory() as scratch:
        a_trace_alone(scratch)
        a_recording_with_another_trace(scratch)
        what_is_wrong_is_said(scratch)
    help_has_both()
