"""An outage of this machine is not rot."""

from collections.abc import Collection

import pytest

from regraft.errors import OutageError
from regraft.fetching.outage import MIN_FAILURES, Failures, check_outage
from regraft.identity import Url
from regraft.links.findings import Finding
from regraft.verdicts import Reason

MAX_SHARE = 0.5


def failures(count: int, **fields: bool | int | str) -> list[Finding]:
    """Failed links, each on a host of its own."""
    return [
        Finding(url=Url(f"http://host{i}/"), reason=Reason.UNREACHABLE, **fields)  # type: ignore[arg-type]
        for i in range(count)
    ]


def check(findings: list[Finding], alive: Collection[str]) -> None:
    """Check findings that came from two workers, who know nothing of each other."""
    parts = [Failures.of(findings[i::2], alive) for i in range(2)]
    check_outage(Failures.sum(parts), MAX_SHARE)


ALIVE = Finding(url=Url("http://alive/"), attempts=1)


def test_an_outage_is_not_rot() -> None:
    down = failures(9, local=True, detail="no proxy")
    with pytest.raises(OutageError, match="not rot"):
        check([*down, ALIVE], set())
    check([*down[: MIN_FAILURES - 1], ALIVE], set())


def test_many_alive_links_that_all_fall_silent_are_an_outage() -> None:
    silent = failures(6, attempts=1)
    were_alive = {finding.url for finding in silent} | {ALIVE.url}
    with pytest.raises(OutageError, match="all at once"):
        check([*silent, ALIVE], were_alive)
    check([*silent, ALIVE], {ALIVE.url})


def test_nothing_that_answers_on_several_hosts_is_an_outage() -> None:
    silent = failures(6, attempts=1)
    with pytest.raises(OutageError, match="on 3 hosts or more"):
        check(silent, set())
    one_host = [Finding(url=Url(f"http://gone/{i}"), reason=Reason.UNREACHABLE, attempts=1) for i in range(6)]
    check(one_host, set())
    error_pages = failures(6, attempts=1, http_status=500)
    check(error_pages, set())
