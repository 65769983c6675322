#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_driver.py EXPLORE --plain|--tsan SCENARIO...: does `explore` do what it says?

With the scenarios that fail on purpose. Each test runs in a folder of its own.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

EXPLORE = os.path.abspath(sys.argv[1])
TSAN = sys.argv[2] == '--tsan'
SCENARIOS = sys.argv[3:]
TIMEOUT = 120  # seconds; only what hangs takes so long


class Failed(Exception):
    pass


def check(cond, what, *seen):
    if not cond:
        raise Failed('%s%s' % (what, ''.join('\n--- seen:\n%s' % (s,) for s in seen)))


def run(folder, *args):
    done = subprocess.run([EXPLORE] + list(args), cwd=folder, stdout=subprocess.PIPE,
                          timeout=TIMEOUT, stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stdout, done.stderr


def fails(folder, name, *args):
    """A run that must find something: what it printed and the schedule's file."""
    code, out, err = run(folder, '--test', name, *args)
    check(code == 1, '%s is found: exit code 1, not %d' % (name, code), out, err)
    match = re.search(r'--replay (\S+)', out)
    check(match, 'the command that replays it', out)
    return out, match.group(1)


def field(out, name):
    match = re.search(r'^  %s +(\S+)' % name, out, re.M)
    check(match, 'there is a line "%s"' % name, out)
    return match.group(1)


def read(folder, path):
    with open(os.path.join(folder, path), encoding='ascii') as f:
        return f.read()


def write(folder, path, text):
    with open(os.path.join(folder, path), 'w', encoding='ascii') as f:
        f.write(text)


def test_list(folder):
    code, out, _ = run(folder, '--list')
    check(code == 0, 'exit code')
    names = [line.split()[0] for line in out.splitlines() if '(not part of all)' not in line]
    check(names == SCENARIOS, 'the suite runs every scenario', names)


def test_names(folder):
    """Each mistake is found for what it is, by each policy that can."""
    wanted = {'self-lost': 'no count is lost', 'self-deadlock': 'deadlock',
              'self-livelock': 'livelock', 'self-luck': 'not deterministic',
              'self-abort': 'signal ABRT'}
    for policy in ('random', 'pct:2', 'dfs:1'):
        for name, what in wanted.items():
            out, _ = fails(folder, name, '--policy', policy, '--max-steps', '3000', '--twice')
            check('FAILED %s: %s\n' % (name, what) in out, '%s by %s' % (name, policy), out)


def test_deadlock_report(folder):
    out, _ = fails(folder, 'self-deadlock')
    check(re.search(r'deadlock: task \d+ on cpu \d+ waits for the end of a task', out) and
          re.search(r'deadlock: task \d+ on cpu \d+ waits for a word', out),
          'who waits for what', out)


def test_same_bytes(folder):
    first, path = fails(folder, 'self-lost', '--seed', '5')
    text = read(folder, path)
    second, _ = fails(folder, 'self-lost', '--seed', '5')
    check(first == second, 'the same output twice', first, second)
    check(text == read(folder, path), 'the same schedule twice')
    check(not re.search(r'0x[0-9a-f]{6,}', first), 'no address', first)


def test_seeds_differ(folder):
    hashes = set()
    for seed in range(1, 6):
        out, _ = fails(folder, 'self-lost', '--seed', str(seed), '--no-minimize')
        hashes.add(field(out, 'hash'))
    check(len(hashes) > 1, 'other seeds, other schedules', hashes)


def test_replay(folder):
    """By random, pct and dfs, minimized or not: the file gives the same run again."""
    for policy in ('random', 'pct:3', 'dfs:2'):
        for more in ([], ['--no-minimize']):
            out, path = fails(folder, 'self-lost', '--policy', policy, *more)
            code, again, err = run(folder, '--test', 'self-lost', '--replay', path)
            check(code == 1, 'the replay fails: exit code 1', again, err)
            for name in ('steps', 'hash', 'policy', 'seed', 'build', 'machine'):
                check(field(out, name) == field(again, name), 'the same %s' % name, out, again)
            check('same steps, same hash' in again, 'says so', again)


def test_passing_replay(folder):
    """Without its choices the schedule is the default one, which does not fail."""
    _, path = fails(folder, 'self-lost')
    text = re.sub(r'^\d+ \d+ [01]\n', '', read(folder, path), flags=re.M)
    write(folder, path, text)
    code, out, err = run(folder, '--replay', path)
    check(code == 0 and 'does not fail' in out, 'exit code 0', out, err)
    check('another run than the file' in out, 'the hash is another', out)


def test_diverged(folder):
    _, path = fails(folder, 'self-lost')
    text = re.sub(r'^(\d+) \d+ [01]$', r'\1 777 1', read(folder, path), count=1, flags=re.M)
    step = re.search(r'^(\d+) 777 1$', text, re.M).group(1)
    write(folder, path, text)
    line = 'explore: %s: diverged at step %s: ' % (path, step)
    for how in '--replay', '--minimize':
        code, out, err = run(folder, how, path)
        check(code == 2 and 'passed' not in out, 'not the run that was asked for', code, out)
        check(line in err and 'diverged' not in out, 'says where, on stderr', out, err)
    check(not os.path.exists(os.path.join(folder, path + '.min')), 'nothing is shortened')


def test_fifo(folder):
    """Nobody writes it: reading would never end."""
    os.mkfifo(os.path.join(folder, 'pipe'))
    for path in 'pipe', '.', '/dev/null':
        for how in '--replay', '--minimize':
            code, out, err = run(folder, how, path)
            check(code == 2 and not out, 'exit code 2', code, out, err)
            check(err == 'explore: %s: not a regular file\n' % path, 'one line', err)


def test_nothing_to_minimize(folder):
    _, path = fails(folder, 'self-lost')
    write(folder, path, re.sub(r'^\d+ \d+ [01]\n', '', read(folder, path), flags=re.M))
    code, out, err = run(folder, '--minimize', path)
    check(code == 2 and not out, 'exit code 2', code, out, err)
    check(err == 'explore: %s: does not fail: nothing to minimize\n' % path, 'one line', err)
    check(not os.path.exists(os.path.join(folder, path + '.min')), 'no file')


def test_full_stdout(folder):
    """Whatever there was to say."""
    for args in ['--test', 'job', '--runs', '3'], ['--test', 'self-lost'], ['--list']:
        with open('/dev/full', 'w') as full:
            done = subprocess.run([EXPLORE] + args, cwd=folder, stdout=full, timeout=TIMEOUT,
                                  stderr=subprocess.PIPE, universal_newlines=True)
        check(done.returncode == 1, 'exit code 1', args, done.returncode, done.stderr)
        check('explore: stdout: cannot be written\n' in done.stderr, 'why', done.stderr)


def refused(folder, text, line, *args):
    write(folder, 'bad.sched', text)
    code, out, err = run(folder, '--replay', 'bad.sched', *args)
    check(code == 2 and not out, 'exit code 2', text, out, err)
    check(err.startswith('explore: bad.sched: line %d: ' % line) and err.count('\n') == 1,
          'one line that names line %d' % line, text, err)
    return err


def test_bad_files(folder):
    _, path = fails(folder, 'self-lost', '--no-minimize')
    lines = read(folder, path).splitlines(True)
    head = 8
    check(len(lines) > head + 3, 'enough choices to break', ''.join(lines))
    for i in range(len(lines)):
        refused(folder, ''.join(lines[:i]), i + 1)
        refused(folder, ''.join(lines[:i] + ['nonsense\n'] + lines[i + 1:]), i + 1)
        refused(folder, ''.join(lines[:i]) + lines[i].rstrip('\n'), i + 1)
    err = refused(folder, ''.join([lines[0], 'build 000000000000\n'] + lines[2:]), 2)
    check(re.search(r'build 000000000000, this is [0-9a-f]{12}$', err.rstrip()), 'both builds', err)
    refused(folder, ''.join(lines[:2] + ['test no-such\n'] + lines[3:]), 3)
    refused(folder, ''.join(lines), 3, '--test', 'self-deadlock')
    refused(folder, ''.join(lines[:5] + ['machine 0000000000000000\n'] + lines[6:]), 6)
    refused(folder, ''.join(lines[:head + 1] + [lines[head]] + lines[head + 1:]), head + 2)
    for bad in ('5 0 1\n', '5 1 2\n', '5 1\n', '5 1 1 1\n', '-5 1 1\n', '5 1 1 \n',
                '99999999999999999999 1 1\n'):
        refused(folder, ''.join(lines[:head] + [bad] + lines[head:]), head + 1)
    refused(folder, ''.join(lines) + '\n', len(lines) + 1)
    refused(folder, '', 1)
    code, _, err = run(folder, '--replay', 'not-there.sched')
    check(code == 2 and err.startswith('explore: not-there.sched: '), 'no file', err)


def preemptions(text):
    return len(re.findall(r'^\d+ \d+ 1$', text, re.M))


def choices(text):
    return len(re.findall(r'^\d+ \d+ [01]$', text, re.M))


def test_minimize(folder):
    shorter = 0
    for seed in (1, 11, 21):
        found, path = fails(folder, 'self-lost', '--seed', str(seed), '--no-minimize')
        before = read(folder, path)
        code, out, err = run(folder, '--minimize', path)
        check(code == 1, 'still fails', out, err)
        after = read(folder, path + '.min')
        check(preemptions(after) <= preemptions(before), 'no more preemptions', before, after)
        check(choices(after) <= choices(before), 'no more choices', before, after)
        check(found.splitlines()[0] == out.splitlines()[0], 'the same failure', found, out)
        code, again, err = run(folder, '--replay', path + '.min')
        check(code == 1 and 'same steps, same hash' in again, 'the shorter one fails', again, err)
        shorter += choices(after) < choices(before)
        check('policy random\n' in after, 'how it was found', after)
    check(shorter, 'it does shorten')


def test_no_place(folder):
    """A failure is told also where its schedule cannot be kept."""
    os.mkdir(os.path.join(folder, 'fail-self-lost-1.sched'))
    code, out, err = run(folder, '--test', 'self-lost')
    check(code == 1 and 'FAILED self-lost: no count is lost' in out, 'is told', out, err)
    check('--replay' not in out and err.startswith('explore: fail-self-lost-1.sched: '), 'why', out,
          err)


def test_all_goes_on(folder):
    """"all" leaves out those that fail on purpose, and has one line for each of the others."""
    code, out, err = run(folder, '--runs', '2')
    check(code == 0, 'exit code', out, err)
    names = re.findall(r'^passed (\S+): random, 2 runs, \d+ steps$', out, re.M)
    check([n for n in SCENARIOS if not (TSAN and n == 'stray-boot')] == names, 'all of them', out)


def test_progress(folder):
    _, quiet, err = run(folder, '--test', 'job', '--runs', '3', '--progress', 'never')
    check(not err, 'nothing on stderr', err)
    _, loud, _ = run(folder, '--test', 'job', '--runs', '3', '--progress', 'always')
    check(quiet == loud, 'stdout is the same', quiet, loud)


def test_exhausted(folder):
    code, out, err = run(folder, '--test', 'completion', '--policy', 'dfs:0', '--runs', '100000')
    check(code == 0 and 'every schedule within the bound' in out, 'dfs ends', out, err)


def test_trace(folder):
    run(folder, '--test', 'two-jobs', '--runs', '1', '--trace', 'unused.json')
    check(not os.path.exists(os.path.join(folder, 'unused.json')), 'nothing failed, no trace')
    _, path = fails(folder, 'self-lost', '--trace', 'lost.json')
    json.loads(read(folder, 'lost.json'))
    code, out, err = run(folder, '--replay', path, '--trace', 'replay.json')
    check(code == 1, 'exit code', out, err)
    trace = json.loads(read(folder, 'replay.json'))
    text = json.dumps(trace)
    check('no count is lost' in text, 'the end is marked', text)


def test_usage(folder):
    for args in (['--policy', 'pct'], ['--policy', 'pct:0'], ['--policy', 'dfs:x'], ['--seed', '-1'],
                 ['--runs', '0'], ['--runs'], ['--time', '0'], ['--what'], ['--test', 'no-such'],
                 ['--progress', 'often'], ['--twice=1'], ['self-lost'],
                 ['--replay', 'x', '--test', 'all']):
        code, out, err = run(folder, *args)
        check(code == 2 and not out and err.startswith('explore: ') and err.count('\n') == 1,
              'one line and exit code 2: %s' % args, code, out, err)


def test_tsan_reports(folder):
    """5 of 5 seeds, and only there: every other scenario is a test of its own in the suite."""
    for seed in range(1, 6):
        out, _ = fails(folder, 'self-race', '--seed', str(seed), '--no-minimize')
        check('FAILED self-race: ThreadSanitizer: data race\n' in out, 'reported as one', out)


def test_race_unseen(folder):
    code, out, err = run(folder, '--test', 'self-race', '--runs', '50')
    check(code == 0, 'only ThreadSanitizer sees it', out, err)


def main():
    tests = [f for name, f in sorted(globals().items()) if name.startswith('test_')]
    tests.remove(test_race_unseen if TSAN else test_tsan_reports)
    bad = 0
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print('ok %s' % test.__name__)
            except Failed as e:
                bad += 1
                print('FAILED %s: %s' % (test.__name__, e))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
