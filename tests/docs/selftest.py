#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""selftest.py ROOT PROGRAM...: make each kind of mistake once in a scratch copy, see it noticed."""
import os
import shutil
import sys
import tempfile

import check_docs  # puts tests/arch on the path
import mutate
import tree

# check, file, text to replace (None: append), replacement, part of the complaint
MUTATIONS = [
    ('commands', 'README.md', None, '\nRun ./dev everything.\n', './dev everything'),
    ('commands', 'dev', '\nclean)', '\ntidy)', 'dev: clean'),
    ('paths', 'README.md', None, '\nSee `lib/buddy/nowhere.c`.\n', 'lib/buddy/nowhere.c'),
    ('paths', 'CONTRIBUTING.md', None, '\nSee `nowhere.h`.\n', 'nowhere.h'),
    ('paths', 'docs/testing.md', None, '\n```\nbuild/bench/nothing\n```\n', 'build/bench/nothing'),
    ('paths', 'docs/kernel-map.md', None, '\n`mmsim/nowhere.h`\n', 'mmsim/nowhere.h'),
    ('symbols', 'README.md', None, '\nCall `mmsim_make_coffee()`.\n', 'mmsim_make_coffee'),
    ('symbols', 'docs/architecture.md', None, '\n`MM_RANK_COFFEE`\n', 'MM_RANK_COFFEE'),
    ('links', 'README.md', None, '\n[gone](docs/gone.md)\n', 'docs/gone.md'),
    ('links', 'README.md', None, '\n[gone](docs/testing.md#gone)\n', 'no such heading'),
    ('quotes', 'examples/first.c', None, '/* changed */\n', 'examples/first.c'),
    ('quotes', 'README.md', 'order 2): wrong order', 'order 2): wrong', 'output of first'),
    ('quotes', 'README.md', '<!-- output: first -->', '', 'quotes no output'),
    ('benchmarks', 'docs/benchmarks.md', '| `ratio_to_floor` |', '| `ns` |', 'ratio_to_floor'),
    ('benchmarks', 'docs/benchmarks.md', None, '\n`./dev bench buddy --sugar 1`\n', '--sugar'),
]


def main(root, programs):
    problems = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in ('lib', 'include', 'bench', 'examples', 'docs', 'tests', '.ci'):
            shutil.copytree(os.path.join(root, name), os.path.join(scratch, name))
        for name in os.listdir(root):
            if os.path.isfile(os.path.join(root, name)):
                shutil.copy(os.path.join(root, name), scratch)
        checks = dict(check_docs.CHECKS)
        if not any('/bench/' in p for p in programs):
            del checks['benchmarks']  # a build without benchmarks
        problems += mutate.run(scratch, checks, [m for m in MUTATIONS if m[0] in checks], programs)
    tree.report(problems)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit('usage: selftest.py ROOT PROGRAM...')
    main(sys.argv[1], sys.argv[2:])
