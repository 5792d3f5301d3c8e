"""The breaker: a host that only fails is left alone, and tried again by one caller at a time."""

from regraft.fetching.breaker import Breaker
from tests.fetching.clock import Clock


def test_a_host_that_only_fails_is_left_alone_until_it_answers() -> None:
    clock = Clock()
    breaker = Breaker(max_failures=3, cool_s=5, clock=clock)
    for _ in range(3):
        assert breaker.wait_s("h") == 0
        breaker.failed("h")
    clock.advance(1)
    assert breaker.wait_s("h") == 4
    assert breaker.wait_s("other") == 0
    clock.advance(4)
    assert breaker.wait_s("h") == 0, "one may try"
    assert breaker.wait_s("h") == 5, "and only one"
    breaker.answered("h")
    assert breaker.wait_s("h") == 0
