"""Retries: only of what may pass, later each time, and never later than is allowed."""

from regraft.fetching.retries import BACKOFF_S, may_retry, pause_s
from regraft.verdicts import Reason
from regraft.web.answers import Failed


def failed(reason: Reason, may_pass: bool = True, retry_after_s: float | None = None) -> Failed:
    return Failed(reason=reason, detail="", may_pass=may_pass, retry_after_s=retry_after_s)


def test_what_may_pass_is_tried_as_often_as_the_job_allows() -> None:
    busy = failed(Reason.SERVER_ERROR)
    assert [may_retry(busy, attempts, 4) for attempts in (1, 3, 4)] == [True, True, False]
    assert not may_retry(failed(Reason.GONE, may_pass=False), 1, 4)


def test_a_timeout_is_tried_once_more_at_most() -> None:
    slow = failed(Reason.TIMEOUT)
    assert [may_retry(slow, attempts, 4) for attempts in (1, 2)] == [True, False]
    assert not may_retry(slow, 1, 1)


def test_pauses_grow_and_vary() -> None:
    busy = failed(Reason.SERVER_ERROR)
    shortest = [pause_s(busy, attempts, 30, lambda low, high: low) for attempts in (1, 2, 3)]
    longest = [pause_s(busy, attempts, 30, lambda low, high: high) for attempts in (1, 2, 3)]
    assert longest == [BACKOFF_S, 2 * BACKOFF_S, 4 * BACKOFF_S]
    assert shortest == [seconds / 2 for seconds in longest]


def test_a_retry_after_is_honoured_up_to_a_bound() -> None:
    def exactly(retry_after_s: float) -> float:
        limited = failed(Reason.RATE_LIMITED, retry_after_s=retry_after_s)
        return pause_s(limited, 1, 30, lambda low, high: low)

    assert exactly(7) == 7
    assert exactly(86400) == 30
