"""An outage of this machine is not rot."""

import pytest

from regraft.errors import OutageError
from regraft.fetching.outage import MIN_FAILURES, check_outage
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


ALIVE = Finding(url=Url("http://alive/"), attempts=1)


def test_an_outage_is_not_rot() -> None:
    down = failures(9, local=True, detail="no proxy")
    with pytest.raises(OutageError, match="not rot"):
        check_outage([*down, ALIVE], set(), MAX_SHARE)
    check_outage([*down[: MIN_FAILURES - 1], ALIVE], set(), MAX_SHARE)


def test_many_alive_links_that_all_fall_silent_are_an_outage() -> None:
    silent = failures(6, attempts=1)
    were_alive = {finding.url for finding in silent} | {ALIVE.url}
    with pytest.raises(OutageError, match="all at once"):
        check_outage([*silent, ALIVE], were_alive, MAX_SHARE)
    check_outage([*silent, ALIVE], {ALIVE.url}, MAX_SHARE)


def test_nothing_that_answers_on_several_hosts_is_an_outage() -> None:
    silent = failures(6, attempts=1)
    with pytest.raises(OutageError, match="on 6 hosts"):
        check_outage(silent, set(), MAX_SHARE)
    one_host = [Finding(url=Url(f"http://gone/{i}"), reason=Reason.UNREACHABLE, attempts=1) for i in range(6)]
    check_outage(one_host, set(), MAX_SHARE)
    error_pages = failures(6, attempts=1, http_status=500)
    check_outage(error_pages, set(), MAX_SHARE)
