#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark of jobs as a user sees it: every engine does every item, figures are there where they belong.

usage: check_jobs.py JOBS
"""
import pathlib
import sys

from bench_csv import Bench

BENCH = Bench(sys.argv[1])
run, figures = BENCH.run, BENCH.figures
PROFILE = pathlib.Path(__file__).resolve().parents[3] / 'bench' / 'machines' / 'skylake-8167m.ini'
TWO = 'pack:1 node:1 core:2 pu:1'
OWN = ['empty-2', 'empty-64', 'empty-2-idle-2ms', 'ramp-5ns', 'heavy-50ns', 'two-callers', 'undo',
       'idle-burn']
QUICK = ['--machine', TWO, '--repeat', '1', '--warmup', '0', '--set', 'blocks=4', '--set',
         'block_ns=1000', '--case', ','.join(OWN)]


def natively():
    """An item left out or done twice ends the program."""
    got = figures(*QUICK)
    impls = {impl for case, impl, _ in got if case == 'ramp-5ns'}
    assert {'mmsim', 'mmsim:ktask', 'mmsim:padata', 'pthread'} <= impls, impls
    assert {case for case, _, _ in got} == set(OWN), got
    assert {threads for _, _, threads in got} == {2}, got
    for (case, impl, _), value in got.items():
        assert value['ns'] > 0 and value['worst_over_median'] >= 1, (case, impl, value)
        costs = case in ('ramp-5ns', 'heavy-50ns', 'two-callers', 'undo')
        assert ('over_ideal' in value) == costs, case
        assert ('idle_cpu_ns' in value) == (case == 'idle-burn'), case
        assert ('ns_per_unit' in value) == (case == 'undo'), case
    assert {impl for case, impl, _ in got if case == 'undo'} == {'mmsim'}, got
    assert {impl for _, impl, _ in figures(*QUICK, '--set', 'peers=0')} == {'mmsim'}


def virtually():
    args = ['--mode', 'virtual', '--machine', 'pack:2 node:1 core:2 pu:2', '--threads', '1,2,8',
            '--case', 'empty-2,ramp-2us,uniform-2us,two-callers,undo']
    got = figures(*args)
    assert got == figures(*args), 'not the same twice'
    assert {impl for _, impl, _ in got} == {'mmsim'}, got
    assert {threads for case, _, threads in got if case == 'ramp-2us'} == {2, 8}, got
    assert {threads for case, _, threads in got if case == 'empty-2'} == {2}, got
    for (case, _, threads), value in got.items():
        assert 'worst_over_median' not in value and 'idle_cpu_ns' not in value, (case, value)
        # Nobody is faster than ideal, and two threads never as slow as one: one takes twice ideal.
        if case == 'ramp-2us':
            assert 1 <= value['over_ideal'] < (1.6 if threads == 2 else 3), (threads, value)
        # The caller undoes them alone, at what they cost.
        if case == 'undo':
            assert 49 < value['ns_per_unit'] < 60 and 0.98 < value['over_ideal'] < 1.2, value
    both = figures(*args, '--set', 'peers=2')
    assert {impl for _, impl, _ in both} == {'mmsim', 'mmsim:ktask', 'mmsim:padata'}, both


def one_cpu_has_nothing_to_hand_out():
    got = figures('--mode', 'virtual', '--machine', 'pack:1 node:1 core:1 pu:1', '--case',
                  ','.join(set(OWN) - {'idle-burn'}))
    assert not got, got


def refusals():
    for setting, most in (('blocks=0', '64'), ('blocks=65', '64'), ('block_ns=0', '1000000000'),
                          ('block_ns=1000000001', '1000000000'), ('peers=3', '2'), ('scale=0', '1024'),
                          ('scale=1025', '1024'), ('mib=15', ''), ('mib=99999999999', '')):
        line = run(*QUICK, '--set', setting, expect=2)
        assert f"'{setting}': must be " in line and ' to ' + most in line, line
        assert line.count('\n') == 1, line


def least_of_every_setting():
    """Every client has something to work on."""
    args = ['--machine', TWO, '--threads', '2', '--repeat', '1', '--warmup', '0']
    for each in 'blocks=1', 'block_ns=1', 'peers=0', 'mib=16', 'scale=1':
        args += '--set', each
    clients = {'clear-gigantic', 'clear-2m', 'fallocate-200g', 'vfio-pin-locked', 'device-memmap'}
    got = figures(*args, '--case', ','.join(sorted(clients)))
    assert {case for case, _, _ in got} == clients, got


def cases_of_one_mode():
    """The others' are refused by name, and not among the defaults."""
    quick = ['--machine', TWO, '--threads', '2', '--repeat', '1', '--warmup', '0']
    line = run(*quick, '--case', 'empty-2,priority-lend-usemem-task', expect=77)
    assert 'priority-lend-usemem-task' in line and 'virtual mode only' in line, line
    line = run('--mode', 'virtual', *quick, '--case', 'idle-burn', expect=77)
    assert 'idle-burn' in line and 'native mode only' in line, line
    quick += '--set', 'blocks=1', '--set', 'peers=0', '--set', 'mib=16'
    cases = {case for case, _, _ in figures(*quick)}
    assert 'idle-burn' in cases and not any(case.startswith('priority-') for case in cases), cases
    cases = {case for case, _, _ in figures('--mode', 'virtual', *quick, '--set', 'scale=1024')}
    assert 'idle-burn' not in cases and 'priority-lend-usemem-task' in cases, cases


def tables_without_rows_are_one_line():
    out = run('--mode', 'virtual', '--machine', str(PROFILE), '--threads', '2', '--case', 'empty-2')
    assert out.count('without a row in this run') == 1 and '.csv:' not in out, out


def priorities_say_what_they_are():
    about = [line.split(None, 2)[2] for line in run('--list').splitlines() if '* priority-' in line]
    assert len(about) == len(set(about)) == 16, about


natively()
virtually()
one_cpu_has_nothing_to_hand_out()
refusals()
least_of_every_setting()
cases_of_one_mode()
tables_without_rows_are_one_line()
priorities_say_what_they_are()
