#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sources.py CHECK ROOT: rules of the house that can be read off the sources."""
import os
import re
import sys

import tree

MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80
OUTSIDE = ['linux']  # folders of lib that are no floor: they see what is public, and nothing sees them
SHIM = 'mmsim/linux/'  # headers under the kernel's names: installed apart, of no interest to others
SOURCES = ('.c', '.h', '.py', '.sh', 'meson.build')

HOST_CALLS = ['clock_gettime', 'gettimeofday', 'nanosleep', 'clock_nanosleep', 'usleep', 'rand',
              'srand', 'random', 'srandom', 'getenv', 'secure_getenv', 'sched_getcpu', 'sched_yield']
FORBIDDEN = re.compile(r'\b(pthread_\w+|__thread|_Thread_local|thread_local|(?:%s)(?=\s*\())'
                       % '|'.join(HOST_CALLS))


def seam(root):
    """Above lib/exec nobody touches a thread, a clock, the environment or a random source."""
    for path in tree.files(root, 'lib', ext=['.c', '.h']):
        if path.startswith(('lib/exec/', 'lib/base/')):
            continue
        text = tree.blank(tree.read(root, path))
        for match in FORBIDDEN.finditer(text):
            yield '%s:%d: %s is for lib/exec only' % (path, tree.line_of(text, match.start()),
                                                      match.group(1))


def headers_by_name(root, folder):
    return {os.path.relpath(p, folder) for p in tree.files(root, folder, ext=['.h'])}


def check_include(root, path, name, floor, below, where):
    """One quoted include of a file of a floor: what is wrong with it, or None."""
    owners = sorted(where.get(name, []))
    if len(owners) > 1:
        return '"%s" is in several floors: %s' % (name, ', '.join(owners))
    if not owners:
        return '"%s" is in no floor' % name
    if owners[0] != floor and owners[0] not in below:
        return '"%s" is of floor %s, which %s does not see' % (name, owners[0], floor)
    return None


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(root):
    """Includes look downwards only, by the list of lib/meson.build."""
    floors = tree.floors(root)
    where = {}
    for floor, _, _ in floors:
        for name in headers_by_name(root, 'lib/' + floor):
            where.setdefault(name, set()).add(floor)
    public = headers_by_name(root, 'include')
    for floor, below, _ in floors:
        for path in tree.files(root, 'lib/' + floor, ext=['.c', '.h']):
            text = tree.blank(tree.read(root, path), keep_strings=True)
            for match in INCLUDE.finditer(text):
                wrong = None
                if match.group(1) == '"':
                    wrong = check_include(root, path, match.group(2), floor, below, where)
                elif match.group(2).startswith('mmsim/') and match.group(2) not in public:
                    wrong = '<%s> is no public header' % match.group(2)
                if wrong:
                    yield '%s:%d: %s' % (path, tree.line_of(text, match.start()), wrong)
    outside = ['lib/' + name for name in OUTSIDE]
    for path in tree.files(root, 'include', 'bench', 'examples', *outside, ext=['.c', '.h']):
        text = tree.blank(tree.read(root, path), keep_strings=True)
        for match in INCLUDE.finditer(text):
            if os.path.basename(match.group(2)) in where and match.group(1) == '"':
                own = os.path.join(root, os.path.dirname(path), match.group(2))
                if not os.path.exists(own) and not os.path.exists(
                        os.path.join(root, 'bench', match.group(2))):
                    yield '%s:%d: "%s" is internal to lib' % (
                        path, tree.line_of(text, match.start()), match.group(2))


def floor_list(root):
    """The list names every file, and each floor only earlier ones; no folder is left out."""
    known = []
    for floor, below, stems in tree.floors(root):
        for name in below:
            if name not in known:
                yield 'lib/meson.build: %s names %s, which is not below it' % (floor, name)
        known.append(floor)
        there = {os.path.basename(p)[:-2] for p in tree.files(root, 'lib/' + floor, ext=['.c'])}
        for stem in sorted(there ^ set(stems)):
            yield 'lib/%s/%s.c is %s' % (floor, stem, 'not in lib/meson.build' if stem in there
                                         else 'listed but not there')
    for name in sorted(os.listdir(os.path.join(root, 'lib'))):
        if os.path.isdir(os.path.join(root, 'lib', name)) and name not in known + OUTSIDE:
            yield 'lib/%s is no floor of lib/meson.build' % name


def functions(text):
    """(name, first line, lines) of each function body, by counting braces."""
    text = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: '\n' * m.group(0).count('\n'),
                  tree.blank(text), flags=re.M)
    depth = start = 0
    function = None
    for match in re.finditer(r'[{};]', text):
        token, at = match.group(0), match.start()
        if token == '{':
            head = text[start:at].strip()
            if depth == 0 and head.endswith(')'):
                first = start + len(text[start:at]) - len(text[start:at].lstrip())
                name = re.search(r'(\w+)\s*\(', head)
                function = (name.group(1) if name else '?', tree.line_of(text, first))
            depth += 1
        elif token == '}':
            depth -= 1
            if depth == 0 and function:
                yield function + (tree.line_of(text, at) - function[1] + 1,)
                function = None
        if depth == 0:
            start = match.end()


def sizes(root):
    """No file of more than 800 lines, no function of more than 80 in lib."""
    for path in tree.files(root, 'lib', 'bench', 'examples', 'include', 'tests', ext=SOURCES):
        lines = tree.read(root, path).count('\n')
        if lines > MAX_FILE_LINES:
            yield '%s: %d lines, more than %d' % (path, lines, MAX_FILE_LINES)
    for path in tree.files(root, 'lib', ext=['.c', '.h']):
        for name, line, lines in functions(tree.read(root, path)):
            if lines > MAX_FUNCTION_LINES:
                yield '%s:%d: %s() has %d lines, more than %d' % (path, line, name, lines,
                                                                  MAX_FUNCTION_LINES)


PRIVATE_PATH = re.compile(r'(?<![\w.\-~/])(?:/(?:home|root|Users|work|mnt|media)/[\w.]|[A-Z]:\\\w)')


def paths(root):
    """Nothing names a place that exists on one developer's machine only."""
    for path in tree.files(root):
        text = tree.read(root, path)
        for match in PRIVATE_PATH.finditer(text):
            line = tree.line_of(text, match.start())
            yield '%s:%d: %s' % (path, line, text.split('\n')[line - 1].strip())


def since(root):
    """Each exported call, or the group it stands in without a blank line, has a doc comment."""
    comment = ''
    for path, line, name, before in tree.declarations(root):
        comments = re.findall(r'/\*.*?\*/', before, re.S)
        grouped = before.strip() == '' and before.count('\n') <= 1
        tail = before.rsplit('*/', 1)[-1].strip() if comments else 'x'
        if not grouped:
            comment = comments[-1] if comments and not tail else ''
        if 'Since' not in comment:
            yield '%s:%d: %s() has no comment that says "Since"' % (path, line, name)


def public(root):
    """Public headers are installed, are in the umbrella header, and are C++ where they declare."""
    listed = set(re.findall(r"'(mmsim/[\w./]+)'", tree.read(root, 'include/meson.build')))
    umbrella = tree.read(root, 'include/mmsim/mmsim.h')
    for name in sorted(headers_by_name(root, 'include') | listed):
        if name not in listed:
            yield 'include/%s is not in include/meson.build' % name
        elif not os.path.exists(os.path.join(root, 'include', name)):
            yield 'include/%s is listed but not there' % name
        elif name.startswith(SHIM):
            if '<%s>' % name in umbrella:
                yield 'include/%s is in mmsim/mmsim.h' % name
        elif name != 'mmsim/mmsim.h' and '<%s>' % name not in umbrella:
            yield 'include/%s is not in mmsim/mmsim.h' % name
    for path in sorted({d[0] for d in tree.declarations(root)}):
        text = tree.read(root, path)
        first = re.search(r'^MMSIM_API', text, re.M).start()
        last = [m.start() for m in re.finditer(r'^MMSIM_API', text, re.M)][-1]
        begin, end = text.find('\nMMSIM_BEGIN_DECLS'), text.rfind('\nMMSIM_END_DECLS')
        if not 0 <= begin < first or end < last:
            yield '%s: declares outside MMSIM_BEGIN_DECLS … MMSIM_END_DECLS' % path


def spdx(root):
    """Code begins with its licence, after a #! line where there is one."""
    for path in tree.files(root, 'lib', 'include', 'bench', 'examples', 'tests',
                           ext=['.c', '.h', '.py', '.sh']):
        head = tree.read(root, path).split('\n')[:2]
        if 'SPDX-License-Identifier: MIT' not in head[1 if head[0].startswith('#!') else 0]:
            yield '%s: the first line is no SPDX-License-Identifier: MIT' % path


CHECKS = {f.__name__.replace('_', '-'): f
          for f in (seam, includes, floor_list, sizes, paths, since, public, spdx)}

if __name__ == '__main__':
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        sys.exit('usage: sources.py %s ROOT' % '|'.join(CHECKS))
    tree.report(CHECKS[sys.argv[1]](sys.argv[2]))
