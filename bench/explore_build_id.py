#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""explore_build_id.py ROOT OUT: a C file that names what schedules are made of.

A schedule is of the library's and the scenarios' sources: the same for every compiler and build type.
Written only if it changed.
"""
import hashlib
import os
import sys


def sources(root):
    for folder in ('include', 'lib', 'tests/sched'):
        for at, dirs, names in os.walk(os.path.join(root, folder)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(('.c', '.h')) and not name.startswith('test_'):
                    yield os.path.join(at, name)


def main(root, out):
    digest = hashlib.sha256()
    for path in sources(root):
        digest.update(os.path.relpath(path, root).encode() + b'\0')
        with open(path, 'rb') as f:
            digest.update(hashlib.sha256(f.read()).digest())
    text = ('/* SPDX-License-Identifier: MIT */\n/* Made by bench/explore_build_id.py. */\n'
            'extern const char explore_build[];\nconst char explore_build[] = "%s";\n' % digest.hexdigest()[:12])
    try:
        with open(out, encoding='ascii') as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(out, 'w', encoding='ascii') as f:
        f.write(text)


if __name__ == '__main__':
    main(*sys.argv[1:])
