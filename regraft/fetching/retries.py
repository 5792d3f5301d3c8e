"""Whether a link that failed is tried again, and after how long."""

import random
from collections.abc import Callable

from regraft.verdicts import Reason
from regraft.web.answers import Failed

MAX_TIMEOUT_ATTEMPTS = 2
"""Attempts at a link whose answers take too long: each costs its whole deadline."""
BACKOFF_S = 0.5
"""The longest pause before the second attempt; it doubles with each attempt."""


def may_retry(failed: Failed, attempts: int, max_attempts: int) -> bool:
    """Return whether a link that was tried `attempts` times, and has failed so, is tried once more."""
    most = MAX_TIMEOUT_ATTEMPTS if failed.reason is Reason.TIMEOUT else max_attempts
    return failed.may_pass and attempts < min(most, max_attempts)


def pause_s(
    failed: Failed,
    attempts: int,
    max_retry_after_s: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> float:
    """Return the seconds until the next attempt, after `attempts` of them.

    That is what the server asked for, up to a bound, and a bit more, so that not all come back at once; or exponential
    backoff with jitter, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    if failed.retry_after_s is not None:
        return min(failed.retry_after_s, max_retry_after_s) + uniform(0, BACKOFF_S)
    return uniform(0.5, 1) * BACKOFF_S * 2 ** (attempts - 1)
