#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Virtual runs as a user sees them: the same bytes every time, nothing of the host, a trace that nests.

usage: check_virtual.py PROFILE PAGEINIT BUDDY
"""
import collections
import json
import os
import subprocess
import sys
import tempfile

PROFILE, PAGEINIT, BUDDY = sys.argv[1:4]
SHAPE = 'pack:2 node:1 core:2 pu:2'


def run(*args, expect=0, **environment):
    done = subprocess.run(args, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == expect, (args, done.returncode, done.stderr)
    return done.stdout if expect == 0 else done.stderr


def pageinit(*args, machine=PROFILE, **more):
    return run(PAGEINIT, '--mode', 'virtual', '--machine', machine, '--memory', '2G', *args, **more)


def buddy(*args, machine=SHAPE, **more):
    return run(BUDDY, '--mode', 'virtual', '--machine', machine, '--memory', '64M', '--set',
               'pairs=300', *args, **more)


def same_every_time():
    """Another place on the stack and in memory: an order by address would show."""
    for form in 'table', 'csv', 'json', 'markdown', 'kernel':
        for bench in pageinit, buddy:
            args = ['--threads', '1,3', '--format', form]
            first = bench(*args)
            assert first == bench(*args, PADDING='x' * 10000, MALLOC_PERTURB_='7'), form
            assert first, form


def nothing_of_the_host():
    assert 'host:' not in pageinit('--threads', '1')
    for form in 'table', 'json', 'markdown':
        text = pageinit('--threads', '2', '--format', form)
        for word in 'gcc', 'clang', 'Linux', 'THP':
            assert word not in text, (form, word)


def json_keeps_its_schema():
    doc = json.loads(buddy('--threads', '1,2', '--format', 'json', '--set', 'wake=0.5x'))
    context = doc['context']
    assert context['host'] == context['build'] == 'virtual', context
    assert context['cpus'] == 8, context
    assert 'wake=0.5x' in context['figures'], context
    assert {run['mode'] for run in doc['runs']} == {'virtual'}
    assert {run['impl'] for run in doc['runs']} == {'mmsim'}
    assert {run['rep'] for run in doc['runs']} == {0}
    for row in json.loads(pageinit('--threads', '1', '--format', 'json'))['runs']:
        assert 'time_ns' in row['metrics'] and 'floor_ns_per_page' not in row['metrics'], row


def looking_changes_nothing(folder):
    args = ['--threads', '3', '--format', 'csv', '--case', 'repeat-o9,free-random-o0']
    assert buddy(*args) == buddy(*args, '--trace', folder + '/t.json')


def trace_nests(path, nodes):
    with open(path) as f:
        events = json.load(f)['traceEvents']
    names = {e['args']['name'] for e in events if e.get('name') == 'process_name'}
    assert names == {'node %d' % i for i in range(nodes)} | {'counters'}, names
    track = collections.defaultdict(list)
    last = {}
    for e in events:
        key = e['pid'], e['tid']
        if e['ph'] in 'BE':
            assert e['ts'] >= last.get(key, 0), e
            last[key] = e['ts']
        if e['ph'] == 'B':
            assert bool(track[key]) != e['name'].startswith('task '), e
            track[key].append(e['name'])
        elif e['ph'] == 'E':
            track[key].pop()
    assert last and not any(track.values()), track
    return collections.Counter(e['name'].split()[0] for e in events if e['ph'] in 'BC')


def traces(folder):
    path = folder + '/trace.json'
    out = pageinit('--threads', '1,4', '--case', 'ordinary', '--trace', path)
    assert 'zone->lock' in out and 'wait share' in out, out
    assert 'timeline in %s: ordinary, 4 threads\n' % path in out, out
    seen = trace_nests(path, 2)
    assert seen['chunk'] and seen['task'] and seen['node'], seen
    buddy('--threads', '4', '--case', 'repeat-o9', '--trace', path, '--format', 'csv')
    assert trace_nests(path, 2)['zone->lock']


def lock_rows(text):
    rows = [line.split() for line in text.splitlines() if '->lock ' in line]
    return {(row[0], row[1], row[2]): row[3:] for row in rows}


def locks():
    """Every pair takes and gives back under the zone's lock, which four threads fight for."""
    rows = lock_rows(buddy('--threads', '1,4', '--case', 'repeat-o9', '--locks'))
    alone, four = (rows['repeat-o9', 'zone->lock', n] for n in ('1', '4'))
    assert alone[0] == '600' and alone[1] == '0', alone
    assert four[0] == '2400' and int(four[1]) > 1000, four
    assert float(four[-2]) > 30 and float(alone[-2]) == 0, (alone, four)


def what_if():
    text = pageinit('--threads', '1', '--case', 'ordinary', '--what-if')
    rows = text.split('what if one figure')[1].split('\n\n')[1].splitlines()[1:]
    assert rows[0].split()[0] == 'page_init', rows
    gains = [float(row.split()[-2]) for row in rows if row.endswith('%')]
    assert gains == sorted(gains), rows
    assert -10.5 < gains[0] < -9, rows
    assert 'change nothing' in text


def files_are_kept_apart(folder):
    """Neither is written, nor made."""
    new, profile = folder + '/new', folder + '/host.ini'
    with open(PROFILE) as f:
        text = f.read()
    with open(profile, 'w') as f:
        f.write(text)
    os.symlink(profile, folder + '/link')
    for args, words in ((['--trace', new, '--output', new], ('--trace', '--output', new)),
                        (['--output', profile], ('--output', '--machine', profile)),
                        (['--output', folder + '/link'], ('--output', '--machine')),
                        (['--trace', profile], ('--trace', '--machine', profile))):
        line = pageinit('--threads', '1', *args, machine=profile, expect=2)
        assert all(word in line for word in words) and line.count('\n') == 1, line
    assert not os.path.exists(new)
    with open(profile) as f:
        assert f.read() == text
    out = pageinit('--threads', '1', '--format', 'json', machine=profile)
    assert {run['machine'] for run in json.loads(out)['runs']} == {'host.ini'}, out
    pageinit('--threads', '1', '--output', '/dev/null', '--trace', '/dev/null')


def refusals():
    for args, word in ((['--set', 'wak=1'], 'wak'), (['--set', 'wake=-1'], 'wake=-1'),
                       (['--trace', '/nonexistent/t'], '--trace')):
        line = buddy(*args, expect=2)
        assert word in line and line.count('\n') == 1, line
    line = buddy('--threads', '1', '--case', 'repeat-o0', '--trace', '/dev/full', expect=1)
    assert '/dev/full' in line and line.count('\n') == 1, line
    line = run(BUDDY, '--set', 'wake=1', expect=2)
    assert '--mode virtual' in line and line.count('\n') == 1, line


with tempfile.TemporaryDirectory() as scratch:
    same_every_time()
    nothing_of_the_host()
    json_keeps_its_schema()
    looking_changes_nothing(scratch)
    traces(scratch)
    locks()
    what_if()
    files_are_kept_apart(scratch)
    refusals()
