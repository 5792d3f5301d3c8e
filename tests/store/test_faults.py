"""No kill and no refused system call hurts a store: readers read, what is published stays, nothing is left behind."""

from pathlib import Path

import pytest

from tests.store.faults import CHANGES, Fault, World

PLACES = {Fault.KILL: 5, Fault.ENOSPC: 2, Fault.EIO: 1, Fault.EMFILE: 1, Fault.EACCES: 1}
"""At how many of a change's calls a fault is tried here; `python -m tests.store.faults` tries it at all of them."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_may_be_cut_off_or_refused_at_any_call(change: str, tmp_path: Path) -> None:
    world = World.of(change, str(tmp_path / "whole"))
    assert world.calls > 0
    plans = [plan for fault, places in PLACES.items() for plan in world.plans(fault, places)]
    problems = {plan: world.problems(plan, f"{tmp_path}/{number}") for number, plan in enumerate(plans)}
    assert {plan: what for plan, what in problems.items() if what} == {}
