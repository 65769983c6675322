#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [options]: how fast does schedule exploration find mistakes that were made once?

Each patch beside this file brings one back. In a scratch copy of the tree each is applied, `explore` is
built with it and run from several starting seeds under several policies; the table has the median number
of runs up to the first failure.

A patch begins with a line that says what it does, and the lines "Scenario:", "Policy:" and "Bound:": there
it must be found, by that policy, within so many runs. A mistake that no schedule is needed for has the
line "Test:" instead: the program below tests/ that fails.
"""
import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
POLICIES = ('random', 'pct:2', 'pct:3', 'dfs:2')
SEED_STEP = 1000000
OTHERS_RUNS = 100
TEST_TIMEOUT = 300  # seconds; only what hangs takes so long


class Mutant:
    def __init__(self, path):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        head = text.split('\n--- ', 1)[0]
        self.path = path
        self.name = os.path.basename(path)[:-len('.patch')]
        self.what = head.split('\n', 1)[0]
        self.test = self.field(head, 'Test', True)
        if not self.test:
            self.scenario, self.policy, self.bound = (
                self.field(head, key) for key in ('Scenario', 'Policy', 'Bound'))
            self.bound = int(self.bound)

    def field(self, head, key, optional=False):
        match = re.search(r'^%s: (\S+)$' % key, head, re.M)
        if not match and optional:
            return None
        if not match:
            sys.exit('%s: no line "%s:"' % (self.path, key))
        return match.group(1)


def mutants(names):
    found = [Mutant(p) for p in sorted(glob.glob(os.path.join(HERE, '*.patch')))]
    unknown = set(names) - {m.name for m in found}
    if unknown:
        sys.exit('no such mutant: %s' % ', '.join(sorted(unknown)))
    return [m for m in found if not names or m.name in names]


def patch(folder, mutant, *args):
    done = subprocess.run(['patch', '-p1', '--force', '--silent', '--fuzz=2', '--no-backup-if-mismatch',
                           '-i', mutant.path] + list(args), cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, done.stdout


def dry(todo):
    """Every patch applies to the sources as they are."""
    bad = 0
    for mutant in todo:
        code, out = patch(ROOT, mutant, '--dry-run', '--reject-file=-')
        if code:
            bad += 1
            print('%s does not apply any more:\n%s' % (mutant.name, out))
    return bad


def call(folder, *args):
    done = subprocess.run(args, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    if done.returncode:
        sys.exit('%s:\n%s' % (' '.join(args), done.stdout))


class Tree:
    """A scratch copy of what `explore` is made of, and the tests if there are any to run."""

    def __init__(self, folder, tests):
        self.src = os.path.join(folder, 'src')
        self.out = os.path.join(folder, 'out')
        for name in ('meson.build', 'meson_options.txt', 'include', 'lib', 'bench', 'examples',
                     'tests' if tests else 'tests/sched'):
            to = os.path.join(self.src, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if os.path.isdir(os.path.join(ROOT, name)):
                shutil.copytree(os.path.join(ROOT, name), to)
            else:
                shutil.copy(os.path.join(ROOT, name), to)
        call(folder, 'meson', 'setup', self.out, self.src, '-Dbuildtype=release',
             '-Dtests=%s' % ('true' if tests else 'false'))

    def build(self, what='bench/explore'):
        call(self.out, 'ninja', '-j1', what)

    def passes(self, test):
        return subprocess.run(['tests/' + test], cwd=self.out, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=TEST_TIMEOUT).returncode == 0

    def explore(self, test, policy, seed, runs):
        """(run of the first failure, its name), or (None, None)."""
        done = subprocess.run(
            ['bench/explore', '--test', test, '--policy', policy, '--seed', str(seed), '--runs',
             str(runs), '--max-steps', '100000', '--no-minimize', '--progress', 'never'],
            cwd=self.out, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
        if done.returncode == 0:
            return None, None
        if done.returncode != 1:
            sys.exit('explore --test %s --policy %s: exit code %d' % (test, policy, done.returncode))
        name = re.search(r'^FAILED \S+: (.*)$', done.stdout, re.M).group(1)
        run = re.search(r'^  run +(\d+)$', done.stdout, re.M)
        # Without one it was the default schedule, which comes before the first run.
        return int(run.group(1)) if run else 1, name

    def scenarios(self):
        out = subprocess.run(['bench/explore', '--list'], cwd=self.out, stdout=subprocess.PIPE,
                             check=True, universal_newlines=True).stdout
        return [line.split()[0] for line in out.splitlines() if '(not part of all)' not in line]


def median(runs, bound):
    value = statistics.median_low([bound + 1 if r is None else r for r in runs])
    return '> %d' % bound if value > bound else str(value)


def measure(tree, mutant, args):
    """One row: medians by policy, and how the failures are called."""
    row, names = [], set()
    for policy in POLICIES:
        # A depth-first search does not depend on the seed.
        seeds = 1 if policy.startswith('dfs') else args.seeds
        runs = []
        for i in range(seeds):
            run, name = tree.explore(mutant.scenario, policy, 1 + i * SEED_STEP, args.runs)
            runs.append(run)
            names |= {name} - {None}
        row.append(median(runs, args.runs))
    return row, sorted(names)


def also_seen_by(tree, mutant):
    return [s for s in tree.scenarios() if s != mutant.scenario and
            tree.explore(s, 'random', 1, OTHERS_RUNS)[0] is not None]


def check_unmutated(tree, tests):
    for test in sorted(tests):
        tree.build('tests/' + test)
        if not tree.passes(test):
            sys.exit('%s fails without any mutant' % test)
    tree.build()
    for scenario in tree.scenarios():
        _, name = tree.explore(scenario, 'random', 1, OTHERS_RUNS)
        if name:
            sys.exit('%s fails without any mutant: %s' % (scenario, name))


def with_mutant(tree, mutant, work):
    code, out = patch(tree.src, mutant)
    if code:
        sys.exit('%s does not apply any more:\n%s' % (mutant.name, out))
    tree.build('tests/' + mutant.test if mutant.test else 'bench/explore')
    result = work()
    patch(tree.src, mutant, '-R')
    return result


def briefly(names):
    return ', '.join(names) or '-' if len(names) <= 3 else '%d scenarios' % len(names)


def print_table(tree, todo, args):
    print('| mutant | scenario | %s | found as | also found by |' % ' | '.join(POLICIES))
    print('|---|---|%s---|---|' % ('---:|' * len(POLICIES)))
    for mutant in (m for m in todo if not m.test):
        (row, names), others = with_mutant(
            tree, mutant, lambda: (measure(tree, mutant, args), also_seen_by(tree, mutant)))
        print('| %s | %s | %s | %s | %s |' % (mutant.name, mutant.scenario, ' | '.join(row),
                                             '; '.join(names) or '-', briefly(others)),
              flush=True)
    return 0


def check(tree, todo):
    """Each mutant where it was declared, from three starting seeds."""
    bad = 0
    for mutant in (m for m in todo if m.test):
        caught = not with_mutant(tree, mutant, lambda: tree.passes(mutant.test))
        bad += not caught
        print('%s %s: %s' % ('ok' if caught else 'NOT FOUND', mutant.name, mutant.test), flush=True)
    for mutant in (m for m in todo if not m.test):
        def found():
            return [tree.explore(mutant.scenario, mutant.policy, 1 + i * SEED_STEP, mutant.bound)[0]
                    for i in range(3)]
        runs = with_mutant(tree, mutant, found)
        caught = None not in runs
        bad += not caught
        print('%s %s: %s, %s, runs %s of %d' % ('ok' if caught else 'NOT FOUND', mutant.name,
                                                mutant.scenario, mutant.policy, runs, mutant.bound),
              flush=True)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('mutant', nargs='*', help='default: all')
    parser.add_argument('--seeds', type=int, default=9, help='starting seeds per policy')
    parser.add_argument('--runs', type=int, default=1000, help='most runs from each')
    parser.add_argument('--check', action='store_true', help='only: is each found where it says?')
    parser.add_argument('--dry', action='store_true', help='only: does every patch apply?')
    args = parser.parse_args()
    todo = mutants(args.mutant)
    if args.dry:
        sys.exit(1 if dry(todo) else 0)
    tests = {m.test for m in todo if m.test and args.check}
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder, tests)
        check_unmutated(tree, tests)
        sys.exit(1 if (check(tree, todo) if args.check else print_table(tree, todo, args)) else 0)


if __name__ == '__main__':
    main()
