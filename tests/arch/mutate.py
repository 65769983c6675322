# SPDX-License-Identifier: MIT
"""Break a rule in a scratch copy, see that its check notices."""
import contextlib
import os

import tree


@contextlib.contextmanager
def mutated(root, path, old, new):
    """The file with one piece of text replaced; None: with text appended; '': made anew."""
    full = os.path.join(root, path)
    there = os.path.exists(full)
    before = tree.read(root, path) if there else ''
    if old and old not in before:
        raise AssertionError('%s: %r is not there any more: adapt the mutation' % (path, old))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'w', encoding='utf-8') as f:
        f.write(before.replace(old, new, 1) if old else before + new)
    yield
    if there:
        with open(full, 'w', encoding='utf-8') as f:
            f.write(before)
    else:
        os.remove(full)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(full))


def complains(problems, expected, what):
    problems = list(problems)
    if not any(expected in p for p in problems):
        yield '%s: not noticed; said: %s' % (what, problems or 'nothing')


def run(root, checks, mutations, *more):
    """mutations: (check, file, old, new, part of the complaint). Every check has one, and is clean
    without it."""
    for check, path, old, new, expected in mutations:
        with mutated(root, path, old, new):
            yield from complains(checks[check](root, *more), expected,
                                 '%s: %s: %.40r' % (check, path, new))
    for name in checks:
        if name not in {m[0] for m in mutations}:
            yield '%s: no mutation' % name
        for problem in checks[name](root, *more):
            yield '%s: not clean without a mutation: %s' % (name, problem)
