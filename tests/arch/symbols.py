#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py NM ROOT LIBRARY...: what the libraries define for others.

A shared library exports exactly the functions declared MMSIM_API. A static library of one floor,
libmm_FLOOR.a, defines only mm_FLOOR_*; the topmost one also defines those that are exported. The
static library of everything defines what its floors define.
"""
import os
import re
import subprocess
import sys

import tree

# Put there by compilers: AddressSanitizer's marks.
COMPILERS_OWN = re.compile(r'__odr_asan')


def defined(nm, library, *options):
    out = subprocess.run([nm, '--defined-only', *options, library], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, universal_newlines=True)
    if out.returncode:
        sys.exit('%s %s: %s' % (nm, library, out.stderr))
    for line in out.stdout.split('\n'):
        fields = line.split()
        if len(fields) == 3 and fields[1] != 'A' and not COMPILERS_OWN.match(fields[2]):
            yield re.sub(r'@.*', '', fields[2])


def check_shared(nm, library, declared):
    exported = set(defined(nm, library, '-D'))
    for name in sorted(exported - declared):
        yield '%s: exports %s, which no header declares MMSIM_API' % (library, name)
    for name in sorted(declared - exported):
        yield '%s: does not export %s, which a header declares' % (library, name)


def check_static(nm, library, declared, floors):
    floor = re.match(r'libmm_(\w+)\.a$', os.path.basename(library))
    own = [floor.group(1)] if floor else floors
    if floor and own[0] not in floors:
        yield '%s: of no floor' % library
    for name in defined(nm, library, '-g'):
        if name in declared and (not floor or own[0] == floors[-1]):
            continue
        if not any(name.startswith('mm_%s_' % f) for f in own):
            yield '%s: defines %s, not one of %s' % (
                library, name, ' '.join('mm_%s_*' % f for f in own))


def check(nm, root, libraries):
    declared = {name for _, _, name, _ in tree.declarations(root)}
    floors = [floor for floor, _, _ in tree.floors(root)]
    for name in sorted(declared):
        if not name.startswith('mmsim_'):
            yield 'include: %s is MMSIM_API but not mmsim_*' % name
    for library in libraries:
        if library.endswith('.a'):
            yield from check_static(nm, library, declared, floors)
        else:
            yield from check_shared(nm, library, declared)


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit('usage: symbols.py NM ROOT LIBRARY...')
    tree.report(check(sys.argv[1], sys.argv[2], sys.argv[3:]))
