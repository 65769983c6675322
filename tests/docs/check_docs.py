#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_docs.py CHECK ROOT [PROGRAM...]: what the documents say is there, and is as they say.

The documents mark what they quote:

    <!-- file: examples/first.c -->     the next fenced block is that file, without its first line
    <!-- output: first -->              the next fenced block is what that example prints

Kernel files are set in italics; what is set as code is ours and must exist.
"""
import glob
import os
import re
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'arch'))
import tree  # noqa: E402

TOP = ('lib', 'include', 'bench', 'examples', 'tests', 'docs', '.ci')
MADE = {'report/index.md'}  # by ./dev demo
FENCE = re.compile(r'^```[^\n]*\n(.*?)^```$', re.S | re.M)


def documents(root):
    named = ['README.md', 'CONTRIBUTING.md']
    for path in named + tree.files(root, 'docs', ext=['.md']):
        if os.path.exists(os.path.join(root, path)):
            yield path, tree.read(root, path)
        else:
            yield path, ''


def code(text):
    """(position, text) of everything set as code: inline spans and fenced blocks."""
    for match in FENCE.finditer(text):
        yield match.start(1), match.group(1)
    prose = FENCE.sub(lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text)
    for match in re.finditer(r'`([^`\n]+)`', prose):
        yield match.start(1), match.group(1)


def dev_commands(root):
    """Those that ./dev lists, and those that it knows."""
    text = tree.read(root, 'dev')
    listed = set(re.findall(r'^\s*\./dev ([a-z]+)', text, re.M))
    known = set(re.findall(r'^([a-z]+)\)', text, re.M))
    return listed, known


def commands(root, _):
    listed, known = dev_commands(root)
    for name in sorted(listed ^ known):
        yield 'dev: %s is %s' % (name, 'listed but not known' if name in listed else 'not listed')
    for path, text in documents(root):
        for match in re.finditer(r'\./dev[ \t]+([a-z]\w*)', text):
            if match.group(1) not in listed & known:
                yield '%s:%d: ./dev %s is no command' % (path, tree.line_of(text, match.start()),
                                                         match.group(1))


def exists(root, token):
    if token in MADE:
        return True
    if token.startswith('mmsim/'):
        token = 'include/' + token
    if token.startswith('build/bench/'):
        token = 'bench/' + token[len('build/bench/'):] + '*.c'
    elif token.startswith('build'):
        return True
    return bool(glob.glob(os.path.join(root, token)))


def paths(root, _):
    """A path below one of our folders, or the bare name of a file, is there."""
    names = {os.path.basename(p) for p in tree.files(root)}
    for path, text in documents(root):
        for at, span in code(text):
            for match in re.finditer(r'(?<![\w./<*-])\.?[\w*-][\w.*-]*(?:/[\w.*-]+)*/?', span):
                token = match.group(0).rstrip('.')
                first = token.split('/')[0]
                wrong = False
                if '/' in token and first in TOP + ('build', 'mmsim'):
                    wrong = not exists(root, token)
                elif '/' not in token and re.search(r'\w\.(c|h|md|py|sh|txt|build|map)$', token):
                    wrong = token not in names
                if wrong:
                    yield '%s:%d: %s is not there' % (
                        path, tree.line_of(text, at + match.start()), token)


def symbols(root, _):
    """A name of ours that is set as code occurs in our headers or sources."""
    ours = ''.join(tree.read(root, p)
                   for p in tree.files(root, 'lib', 'include', 'bench', ext=['.c', '.h', '.build']))
    known = set(re.findall(r'\w+', ours))
    for path, text in documents(root):
        for at, span in code(text):
            for match in re.finditer(r'\b(?:mmsim|MMSIM|mm|MM)_\w+\b(?![*<…])', span):
                if match.group(0) not in known and not match.group(0).endswith('_'):
                    yield '%s:%d: %s is nowhere in the code' % (
                        path, tree.line_of(text, at + match.start()), match.group(0))


def anchors(text):
    for line in re.findall(r'^#+ (.*)$', FENCE.sub('', text), re.M):
        yield re.sub(r'[^\w\- ]', '', line.strip().lower()).replace(' ', '-')


def links(root, _):
    for path, text in documents(root):
        if not text:
            yield '%s is missing' % path
        for match in re.finditer(r'\[[^\]\n]*\]\(([^)\s]+)\)', FENCE.sub('', text)):
            target, _, anchor = urllib.parse.unquote(match.group(1)).partition('#')
            if re.match(r'\w+:', target):
                continue
            to = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            full = os.path.join(root, to)
            if not os.path.exists(full):
                yield '%s: link to %s, which is not there' % (path, match.group(1))
            elif anchor and anchor not in set(anchors(tree.read(root, to))):
                yield '%s: link to %s: no such heading' % (path, match.group(1))


def quotes(root, programs):
    by_name = {os.path.basename(p): p for p in programs}
    seen = set()
    for path, text in documents(root):
        inside = [m.span() for m in FENCE.finditer(text)]
        for match in re.finditer(r'<!-- (file|output): (\S+) -->\n+', text):
            if any(start < match.start() < end for start, end in inside):
                continue
            kind, what = match.group(1), match.group(2)
            fence = FENCE.match(text, match.end())
            where = '%s:%d' % (path, tree.line_of(text, match.start()))
            if not fence:
                yield '%s: no fenced block follows' % where
                continue
            seen.add((path, kind, what))
            if kind == 'file':
                real = tree.read(root, what).split('\n', 1)[1]
            elif what in by_name:
                real = subprocess.run([by_name[what]], stdout=subprocess.PIPE, check=True,
                                      universal_newlines=True).stdout
            else:
                yield '%s: no program %s' % (where, what)
                continue
            quoted = [line.rstrip() for line in fence.group(1).strip('\n').split('\n')]
            if quoted != [line.rstrip() for line in real.strip('\n').split('\n')]:
                yield '%s: is not the %s of %s, which is:\n%s' % (where, kind, what, real)
    for need in (('README.md', 'file', 'examples/first.c'), ('README.md', 'output', 'first')):
        if need not in seen:
            yield '%s quotes no %s: %s' % need


def benchmarks(root, programs):
    """docs/benchmarks.md defines every metric, and the options it names exist."""
    text = tree.read(root, 'docs/benchmarks.md')
    options = set()
    for program in programs:
        name = os.path.basename(program)
        if os.path.basename(os.path.dirname(program)) != 'bench':
            continue
        options |= set(re.findall(r'--[a-z]+', subprocess.run(
            [program, '--help'], stdout=subprocess.PIPE, check=True,
            universal_newlines=True).stdout))
        listing = subprocess.run([program, '--list'], stdout=subprocess.PIPE, check=True,
                                 universal_newlines=True).stdout
        # compare has none of its own: it lists the benchmarks.
        metrics = re.search(r'^metrics:\n((?:  .*\n)+)', listing, re.M)
        for metric in re.findall(r'^  (\w+)', metrics.group(1), re.M) if metrics else []:
            if '| `%s` |' % metric not in text:
                yield 'docs/benchmarks.md: %s of %s has no row' % (metric, name)
    for path, doc in documents(root):
        for match in re.finditer(r'(?:bench|build/bench/)[^\n`]*?(--[a-z]+)', doc):
            if match.group(1) not in options and '-C build' not in match.group(0):
                yield '%s:%d: no benchmark knows %s' % (path, tree.line_of(doc, match.start()),
                                                        match.group(1))


CHECKS = {f.__name__: f for f in (commands, paths, symbols, links, quotes, benchmarks)}

if __name__ == '__main__':
    if len(sys.argv) < 3 or sys.argv[1] not in CHECKS:
        sys.exit('usage: check_docs.py %s ROOT [PROGRAM...]' % '|'.join(CHECKS))
    tree.report(CHECKS[sys.argv[1]](sys.argv[2], sys.argv[3:]))
