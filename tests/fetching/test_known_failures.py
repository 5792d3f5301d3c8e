"""What is known of a link that failed before spares attempts, patience and bytes."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from regraft.config import FetchSettings, ScreenSettings
from regraft.fetching.fetcher import HUNG_DEADLINE_SHARE, MAX_UNANNOUNCED_BYTES, Fetcher
from regraft.fetching.settings import WorkerSettings
from regraft.identity import Digest, Url
from regraft.links.findings import Finding, Request
from regraft.verdicts import Reason
from regraft.web.answers import Answer, Failed
from regraft.web.client import Client
from tests.fetching.clock import Clock

URL = Url("http://h.example/1.jpg")
MAX_BYTES = 2_000_000
DEADLINE_S = 10.0
LATE = Failed(reason=Reason.TIMEOUT, detail="the deadline passed", may_pass=True)
SHORT = Failed(reason=Reason.TRUNCATED, detail="the body ended early", status=200, may_pass=True)
BUSY = Failed(reason=Reason.RATE_LIMITED, detail="HTTP 429", status=429, may_pass=True)
ENDLESS = Failed(reason=Reason.TOO_LARGE, detail="more than 1048576 bytes", status=200, bytes=1_048_577)


@dataclass
class Web(Client):
    """A web that always gives the same answer, and notes with which bounds it was asked."""

    answer: Answer
    bounds: list[tuple[float, int | None]] = field(default_factory=list)
    """The deadline, and the bytes that a body of unknown size may have, of each request."""

    def get(
        self, url: str, deadline_s: float, etag: str = "", last_modified: str = "", max_unannounced: int | None = None
    ) -> Answer:
        self.bounds.append((deadline_s, max_unannounced))
        return self.answer


def fetched(
    folder: Path, answer: Answer, known: Reason = Reason.ALIVE, size: int = 0, digest: str = ""
) -> tuple[Finding, Web]:
    """What comes of the link, whose last check came to a reason and a body's size."""
    clock, web, findings = Clock(), Web(answer), list[Finding]()
    settings = FetchSettings(deadline_s=DEADLINE_S, max_bytes=MAX_BYTES, attempts=3)
    worker = WorkerSettings.of(str(folder), None, settings, ScreenSettings(), place=0, workers=1)
    fetcher = Fetcher(worker, lambda number, finding: findings.append(finding), web, clock)
    fetcher.put(0, Request(URL, reason=known, bytes=size, digest=Digest(digest)))
    while not findings:
        if not fetcher.step():
            clock.advance(0.1)
    return findings[0], web


@pytest.mark.parametrize("failure", [SHORT, LATE])
def test_a_link_that_fails_as_it_did_before_is_tried_once(failure: Failed, tmp_path: Path) -> None:
    assert fetched(tmp_path, failure)[0].attempts > 1
    assert fetched(tmp_path, failure, Reason.GONE)[0].attempts > 1
    assert fetched(tmp_path, failure, failure.reason)[0].attempts == 1


def test_a_server_that_wants_fewer_requests_is_asked_again_when_it_says(tmp_path: Path) -> None:
    assert fetched(tmp_path, BUSY, Reason.RATE_LIMITED)[0].attempts == 3


def test_a_link_that_hung_gets_a_part_of_the_deadline(tmp_path: Path) -> None:
    assert fetched(tmp_path, LATE)[1].bounds[0][0] == DEADLINE_S
    assert fetched(tmp_path, LATE, Reason.TIMEOUT)[1].bounds == [(DEADLINE_S * HUNG_DEADLINE_SHARE, None)]


def test_a_link_that_showed_a_picture_and_hangs_now_is_not_waited_for_twice(tmp_path: Path) -> None:
    finding, web = fetched(tmp_path, LATE, digest="ab" * 32)
    assert [bound for bound, _ in web.bounds] == [DEADLINE_S, DEADLINE_S * HUNG_DEADLINE_SHARE]
    assert finding.attempts == 2
    assert [bound for bound, _ in fetched(tmp_path, LATE)[1].bounds] == [DEADLINE_S, DEADLINE_S], "it is new"


def test_a_body_known_to_be_too_large_is_not_read_to_the_bound_again(tmp_path: Path) -> None:
    finding, web = fetched(tmp_path, ENDLESS, Reason.TOO_LARGE, MAX_BYTES + 1)
    assert [bound for _, bound in web.bounds] == [MAX_UNANNOUNCED_BYTES]
    assert finding.bytes == MAX_BYTES + 1, "what is known of its size stays known"
    allowed_now, web = fetched(tmp_path, ENDLESS, Reason.TOO_LARGE, MAX_BYTES - 1)
    assert [bound for _, bound in web.bounds] == [None], "the setting has been raised since"
    assert allowed_now.bytes == MAX_BYTES - 1
