"""The breaker: a host that only fails is asked slowly, then given up, and tried again by one caller at a time."""

from regraft.fetching.breaker import Breaker
from tests.fetching.clock import Clock


def breaker_of(clock: Clock) -> Breaker:
    return Breaker(max_failures=3, patience_s=10, rest_s=5, clock=clock)


def test_a_host_that_only_fails_is_silent_and_in_the_end_given_up() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    breaker.failed("h")
    breaker.failed("h")
    assert not breaker.is_silent("h")
    breaker.failed("h")
    assert breaker.is_silent("h")
    clock.advance(9)
    assert breaker.may_try("h"), "its minute may only be bad"
    assert breaker.patience_left_s("h") == 1
    breaker.failed("h")
    clock.advance(1)
    assert not breaker.may_try("h")
    assert breaker.may_try("other")
    assert not breaker.is_silent("other")


def test_a_few_failures_give_no_host_up_however_long_ago_they_were() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    breaker.failed("h")
    clock.advance(99)
    breaker.failed("h")
    assert breaker.may_try("h")


def test_a_host_that_was_given_up_is_tried_by_one_caller_when_it_has_rested() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    for _ in range(3):
        breaker.failed("h")
    clock.advance(10)
    assert [breaker.may_try("h") for _ in range(3)] == [True, False, False]
    breaker.failed("h")
    clock.advance(4.9)
    assert not breaker.may_try("h")
    clock.advance(0.1)
    assert [breaker.may_try("h") for _ in range(2)] == [True, False]


def test_one_answer_and_all_is_forgotten() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    for _ in range(3):
        breaker.failed("h")
    clock.advance(10)
    breaker.answered("h")
    assert not breaker.is_silent("h")
    assert all(breaker.may_try("h") for _ in range(9))
    breaker.failed("h")
    assert not breaker.is_silent("h"), "failures count from the last answer on"
