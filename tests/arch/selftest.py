#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""selftest.py NM ROOT CC...: break each rule once in a scratch copy and see its check fail."""
import os
import shutil
import subprocess
import sys
import tempfile

import mutate
import sources
import symbols
import tree

LONG_FUNCTION = 'static int scratch(void)\n{\n' + '\tscratch_step();\n' * 80 + '\treturn 0;\n}\n'

# check, file, text to replace (None: append, '': a new file), replacement, part of the complaint
MUTATIONS = [
    ('seam', 'lib/buddy/zone.c', None, 'static int x(void) { return rand(); }\n', 'rand is for'),
    ('seam', 'lib/job/padata.c', None, 'static __thread int scratch;\n', '__thread is for'),
    ('seam', 'lib/machine/create.c', None, 'void f(void) { pthread_self(); }\n', 'pthread_self'),
    ('seam', 'lib/page/shape.c', None, 'char *f(void) { return getenv ("X"); }\n', 'getenv'),
    ('includes', 'lib/buddy/zone.h', '#include "event.h"', '#include "boot.h"', 'floor boot'),
    ('includes', 'lib/job/padata.c', None, '#include "zone.h"\n', 'floor buddy'),
    ('includes', 'lib/base/log.c', None, '#include "nowhere.h"\n', 'in no floor'),
    ('includes', 'lib/base/log.c', None, '#include <mmsim/nowhere.h>\n', 'no public header'),
    ('includes', 'lib/exec/list.h', '', '/* a second one */\n', 'several floors'),
    ('includes', 'examples/first.c', None, '#include "zone.h"\n', 'internal to lib'),
    ('floor-list', 'lib/buddy/extra.c', '', '/* forgotten */\n', 'not in lib/meson.build'),
    ('floor-list', 'lib/meson.build', "'pcp', ", '', 'lib/buddy/pcp.c'),
    ('floor-list', 'lib/meson.build', "['job', ['base',", "['job', ['boot', 'base',", 'job names'),
    ('floor-list', 'lib/roof/a.c', '', '/* no floor */\n', 'lib/roof'),
    ('sizes', 'lib/buddy/zone.c', None, '\n' * 801, '800'),
    ('sizes', 'tests/long.sh', '', 'true\n' * 801, '800'),
    ('sizes', 'lib/buddy/zone.c', None, LONG_FUNCTION, 'scratch() has 84 lines'),
    ('paths', 'docs/scratch.md', '', 'see /ho' + 'me/somebody/notes\n', 'somebody'),
    ('since', 'include/mmsim/alloc.h', 'Since 0.1.\n * Models drain', 'Models drain',
     'mmsim_drain_all_pages'),
    ('since', 'include/mmsim/task.h', 'Context: any. Since 0.1. */\nMMSIM_API unsigned',
     'Context: any. Since 0.1. */\n\nint x;\nMMSIM_API unsigned', 'mmsim_cpu'),
    ('public', 'include/mmsim/extra.h', '', '/* forgotten */\n', 'not in include/meson.build'),
    ('public', 'include/mmsim/mmsim.h', '#include <mmsim/gfp.h>\n', '', 'not in mmsim/mmsim.h'),
    ('public', 'include/mmsim/task.h', '\nMMSIM_END_DECLS', '', 'outside MMSIM_BEGIN_DECLS'),
    ('spdx', 'lib/base/log.c', '/* SPDX-License-Identifier: MIT */\n', '', 'lib/base/log.c'),
]

# symbols: source, library made of it, part of the complaint. DECLARED: all that is declared.
LIBRARIES = [
    ('int mm_job_ok; int stray;', 'libmm_job.a', 'defines stray'),
    ('int mm_buddy_thing;', 'libmm_job.a', 'defines mm_buddy_thing'),
    ('int mmsim_boot(void) { return 0; }', 'libmm_job.a', 'defines mmsim_boot'),
    ('int mm_job_thing;', 'libmm_roof.a', 'of no floor'),
    ('int stray;', 'libmmsim.a', 'defines stray'),
    ('DECLARED int stray;', 'libmmsim.so', 'exports stray'),
    ('int mmsim_boot(void) { return 0; }', 'libmmsim.so', 'does not export mmsim_create'),
]


def make_library(folder, name, source, cc):
    path = os.path.join(folder, name)
    with open(path + '.c', 'w', encoding='utf-8') as f:
        f.write(source)
    if name.endswith('.so'):
        subprocess.check_call(cc + ['-shared', '-fPIC', '-o', path, path + '.c'])
    else:
        subprocess.check_call(cc + ['-c', '-o', path, path + '.c'])  # nm reads objects as well
    return path


def test_symbols(root, folder, nm, cc):
    declared = ' '.join('int %s(void) { return 0; }' % name
                        for name in sorted({d[2] for d in tree.declarations(root)}))
    for source, name, expected in LIBRARIES:
        path = make_library(folder, name, source.replace('DECLARED', declared), cc)
        yield from mutate.complains(symbols.check(nm, root, [path]), expected, '%s: %s' % (name, source))
    path = make_library(folder, 'libmmsim.so', declared, cc)
    for problem in symbols.check(nm, root, [path]):
        yield 'not clean: %s' % problem


def main(nm, root, cc):
    with tempfile.TemporaryDirectory() as scratch:
        for folder in ('lib', 'include', 'bench', 'examples', 'docs', 'tests/arch'):
            if os.path.isdir(os.path.join(root, folder)):
                shutil.copytree(os.path.join(root, folder), os.path.join(scratch, folder))
        problems = list(mutate.run(scratch, sources.CHECKS, MUTATIONS))
        problems += test_symbols(scratch, tempfile.mkdtemp(dir=scratch), nm, cc)
        print('%d mutations' % (len(MUTATIONS) + len(LIBRARIES)))
    tree.report(problems)


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit('usage: selftest.py NM ROOT CC...')
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
