# SPDX-License-Identifier: MIT
"""What the architecture and documentation tests share: walking the tree, reading C, reporting."""
import ast
import os
import re
import sys

# Not the project's own text: what was built, and what git and the benchmarks leave behind. In a git
# worktree .git is a file.
SKIPPED = {'.git', 'report', '__pycache__'}


def files(root, *folders, ext=()):
    """Relative paths of the project's files below the folders (none: everywhere), sorted."""
    found = []
    for folder in folders or ('.',):
        for at, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = [d for d in dirs if d not in SKIPPED and not
                       os.path.exists(os.path.join(at, d, 'build.ninja')) and not
                       (os.path.samefile(at, root) and d.startswith('build'))]
            for name in names:
                if name not in SKIPPED and (not ext or name.endswith(tuple(ext))):
                    found.append(os.path.relpath(os.path.join(at, name), root))
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as f:
        return f.read()


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, keep_strings=False):
    """C without comments and, by default, strings; line numbers stay."""
    def empty(match):
        token = match.group(0)
        if token[0] in '"\'':
            return token if keep_strings else token[0] * 2
        return '\n' * token.count('\n') or ' '
    return TOKEN.sub(empty, text)


def line_of(text, at):
    return text.count('\n', 0, at) + 1


def floors(root):
    """The list of lib/meson.build: [(floor, floors below it, stems)]. Its syntax is Python's."""
    match = re.search(r'^floors = (\[.*?^\])', read(root, 'lib/meson.build'), re.S | re.M)
    return [(name, below, stems) for name, below, stems in ast.literal_eval(match.group(1))]


def declarations(root):
    """Exported functions as (header, line, name, text from the end of the one before)."""
    found = []
    for path in files(root, 'include', ext=['.h']):
        text = read(root, path)
        last = 0
        for match in re.finditer(r'^MMSIM_API\b[^;]*?(\w+)\s*\([^;]*;[^\n]*', text, re.M):
            found.append((path, line_of(text, match.start()), match.group(1),
                          text[last:match.start()]))
            last = match.end()
    return found


def report(problems):
    problems = list(problems)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
