#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmallocinfo_parse.py PROGRAM: what PROGRAM prints is /proc/vmallocinfo, and its lines agree with each other.

Knows the format from its description only: proc(5) and what kernels print.
"""
import re
import subprocess
import sys

PAGE = 4096
ZONE = 16 * PAGE
LINE = re.compile(
    r'0x(?P<start>[0-9a-f]{16})-0x(?P<end>[0-9a-f]{16}) (?P<size>[ 0-9]{7,})'
    r'(?P<ram> vm_map_ram)?'
    r'(?P<unpurged> unpurged vm_area)?'
    r'(?P<caller> [a-zA-Z_]\w*\+0x[0-9a-f]+/0x[0-9a-f]+)?'
    r'(?: pages=(?P<pages>[1-9][0-9]*))?'
    r'(?: phys=0x(?P<phys>[0-9a-f]{16}))?'
    r'(?P<words>(?: ioremap)?(?: sparse)?(?: vmalloc)?(?: vmap)?(?: user)?(?: dma-coherent)?(?: vpages)?)'
    r'(?P<nodes>(?: N[0-9]+=[1-9][0-9]*)*)')


class Area:
    def __init__(self, line):
        match = LINE.fullmatch(line)
        assert match, 'not a line of vmallocinfo: %r' % line
        self.line = line
        self.start, self.end = (int(match.group(k), 16) for k in ('start', 'end'))
        self.words = match.group('words').split()
        self.pages = int(match.group('pages') or 0)
        self.unpurged = bool(match.group('unpurged'))
        self.ram = bool(match.group('ram'))
        self.phys = match.group('phys')
        self.nodes = [[int(n) for n in re.findall('[0-9]+', word)] for word in match.group('nodes').split()]
        size = int(match.group('size'))
        assert self.end - self.start == size > 0, line
        assert match.group('size') == '%7d' % size, line
        assert self.start % PAGE == self.end % PAGE == 0, line
        self.spare = size // PAGE - self.pages  # pages of addresses without a page behind them


def check_line(area):
    if area.ram or area.unpurged:
        assert not (area.words or area.pages or area.nodes or area.phys), area.line
        assert area.ram != area.unpurged, area.line
        return
    assert sum(nr for _, nr in area.nodes) == area.pages, area.line
    assert [n for n, _ in area.nodes] == sorted({n for n, _ in area.nodes}), area.line
    assert bool(area.pages) == ('vmalloc' in area.words), area.line
    assert ('ioremap' in area.words) == (area.phys is not None), area.line
    if 'vmalloc' in area.words:
        assert area.spare in (0, 1), area.line
        assert ('vpages' in area.words) == (area.pages > PAGE // 8), area.line
    elif area.words != ['sparse'] and area.words:
        assert area.spare >= 2, 'a page and a guard: ' + area.line


def check_order(areas, nodes):
    in_use = [a for a in areas if not a.unpurged]
    assert areas[:len(in_use)] == in_use, 'areas that wait come last'
    keys = [(a.start // ZONE % nodes if nodes > 1 else 0, a.start) for a in in_use]
    assert keys == sorted(keys), 'node by node, by address inside one'


def check_apart(areas):
    """No address twice."""
    by_address = sorted(areas, key=lambda a: a.start)
    for before, after in zip(by_address, by_address[1:]):
        assert before.end <= after.start, (before.line, after.line)


def check_sums(areas, counted):
    vmalloc = [a for a in areas if 'vmalloc' in a.words]
    assert sum(a.pages for a in vmalloc) == counted['pages']
    assert sum(a.spare == 0 for a in vmalloc) == counted['unguarded']
    assert sum(a.unpurged for a in areas) == counted['lazy']
    assert sum(not a.unpurged for a in areas) == counted['busy'] - counted['bare']
    assert sum(a.ram and a.end - a.start == 1024 * PAGE for a in areas) == counted['blocks']


def check(program, design):
    done = subprocess.run([program, str(design)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    words = head.split()[1:]
    counted = {name: int(value) for name, value in zip(words[::2], words[1::2])}
    areas = [Area(line) for line in lines]
    assert len(areas) > 100, 'enough to look at'
    for area in areas:
        check_line(area)
    check_order(areas, counted['nodes'])
    check_apart(areas)
    check_sums(areas, counted)
    for what in ('ioremap', 'sparse', 'vmalloc', 'vmap', 'vpages'):
        assert any(what in a.words for a in areas), what
    assert any(a.unpurged for a in areas) and any(a.ram for a in areas)


for way in range(3):
    check(sys.argv[1], way)
