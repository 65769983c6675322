# SPDX-License-Identifier: MIT
"""Running a benchmark and reading its figures, for the scripts beside this file."""
import csv
import subprocess


class Bench:
    def __init__(self, program):
        self.program = program

    def run(self, *args, expect=0):
        done = subprocess.run([self.program, *args], capture_output=True, text=True)
        assert done.returncode == expect, (args, done.returncode, done.stderr)
        return done.stdout if expect == 0 else done.stderr

    def figures(self, *args):
        """{(case, impl, threads): {metric: value}}"""
        out = {}
        lines = [line for line in self.run(*args, '--format', 'csv').splitlines() if line[:1] != '#']
        for row in csv.DictReader(lines):
            key = row['case'], row['impl'], int(row['threads'])
            out.setdefault(key, {})[row['metric']] = float(row['value'])
        return out
