"""What a fetching process sends: findings together, as long as others are under way."""

import queue
from pathlib import Path

import pytest

from regraft.config import FetchSettings, ScreenSettings
from regraft.fetching.fetcher import Fetcher
from regraft.fetching.settings import WorkerSettings
from regraft.fetching.worker import _next_message
from regraft.identity import Url
from regraft.links.findings import Finding, Request
from tests.hostile import ok, serving


def test_findings_travel_together_while_links_are_under_way_and_the_last_at_once(tmp_path: Path) -> None:
    findings: queue.SimpleQueue[tuple[int, Finding]] = queue.SimpleQueue()
    with serving(lambda talk: talk.say(ok(b"no picture"))) as hostile:
        fetch = FetchSettings(allow=(hostile.exemption,))
        settings = WorkerSettings.of(str(tmp_path), None, fetch, ScreenSettings(), 0, 1)
        fetcher = Fetcher(settings, lambda number, finding: findings.put((number, finding)))
        for number in range(3):
            fetcher.put(number, Request(Url(f"{hostile.url}{number}")))

        fetcher.step()
        together, _ = _next_message(findings, fetcher, sleep=lambda seconds: fetcher.step())
        fetcher.step()
        last, _ = _next_message(findings, fetcher, sleep=lambda seconds: pytest.fail("it is held back"))
    assert [[number for number, _ in message] for message in (together, last)] == [[0, 1], [2]]
