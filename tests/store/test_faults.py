"""No kill and no refused system call hurts a store: readers read, what is published stays, nothing is left behind."""

from pathlib import Path

import pytest

from tests.store.faults import CHANGES, Fault, World

STEPS = {Fault.KILL: 3, Fault.ENOSPC: 4, Fault.EIO: 7, Fault.EMFILE: 13, Fault.EACCES: 17}
"""Every how many-th call is tried here, in about a quarter of the time; `python -m tests.store.faults` tries all."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_may_be_cut_off_or_refused_at_any_call(change: str, tmp_path: Path) -> None:
    world = World.of(change, tmp_path)
    assert world.calls > 0
    plans = [plan for fault, step in STEPS.items() for plan in world.plans(fault, step)]
    problems = {plan: world.problems(plan, f"{tmp_path}/{number}") for number, plan in enumerate(plans)}
    assert {plan: what for plan, what in problems.items() if what} == {}
