"""A run's budget ends with its seconds or its bytes, whichever are spent first."""

from regraft.fetching.budget import Budget
from tests.fetching.clock import Clock


def test_a_budget_ends_with_its_seconds() -> None:
    clock = Clock()
    budget = Budget(10, None, clock)
    clock.advance(10)
    assert not budget.is_spent
    clock.advance(0.1)
    assert budget.is_spent


def test_a_budget_ends_with_its_bytes() -> None:
    budget = Budget(None, 100, Clock())
    budget.spend(99)
    assert not budget.is_spent
    budget.spend(1)
    assert budget.is_spent


def test_no_budget_is_never_spent() -> None:
    clock = Clock()
    budget = Budget(None, None, clock)
    budget.spend(10**12)
    clock.advance(10**9)
    assert not budget.is_spent


def test_a_part_of_a_budget_has_its_share_of_the_bytes_and_ends_at_the_same_time() -> None:
    clock = Clock()
    budget = Budget(10, 1000, clock)
    part = budget.part(0.25)
    part.spend(249)
    assert not part.is_spent
    part.spend(1)
    assert part.is_spent
    assert not budget.is_spent
    clock.advance(10.1)
    assert budget.part(1).is_spent


def test_what_a_budget_has_left_is_a_share_of_its_bytes() -> None:
    budget = Budget(None, 200).part(0.5)
    budget.spend(25)
    assert budget.share_left == 0.75
    budget.spend(1000)
    assert budget.share_left == 0
    assert Budget(None, None).part(0.5).share_left == 1
