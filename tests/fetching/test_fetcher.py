"""Hosts that fail for a while, or for some links only: no link is dead that answers later, or that nobody asked for."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from regraft.config import FetchSettings, ScreenSettings
from regraft.fetching import fetcher as fetching
from regraft.fetching.breaker import MAX_FAILURES, PATIENCE_S
from regraft.fetching.fetcher import Fetcher
from regraft.fetching.settings import WorkerSettings
from regraft.identity import Url
from regraft.links.findings import Finding, Request, Trail, Trouble
from regraft.links.lanes import lane_of
from regraft.links.removals import NO_REMOVALS, Removals, hash_of_host, hash_of_link
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.judge import Unfit
from regraft.pictures.limits import Limits
from regraft.store.layout import Layout
from regraft.verdicts import Reason, Verdict
from regraft.web.answers import Answer, Body, Failed, Redirect
from regraft.web.client import Client
from tests.fetching.clock import Clock
from tests.hostile import ok, serving
from tests.under_way import UnderWay

CAT = Body(encoded(drawing("cat", "fetcher"), "JPEG"), etag="", last_modified="", robots="")
RESET = Failed(reason=Reason.UNREACHABLE, detail="reset", may_pass=True)
HANG = Failed(reason=Reason.TIMEOUT, detail="the deadline passed", may_pass=True)
NO_NAME = Failed(reason=Reason.UNREACHABLE, detail="the name does not resolve")
GONE = Failed(reason=Reason.GONE, detail="HTTP 404", status=404)
TICK_S = 0.05
MAX_S = 600.0


@dataclass
class Web(Client):
    """A web whose answers a test writes: a request takes no time, a timeout takes its deadline."""

    clock: Clock
    answer: Callable[[str, float], Answer]
    """From a URL and the time in seconds."""
    requests: list[str] = field(default_factory=list)

    def get(
        self, url: str, deadline_s: float, etag: str = "", last_modified: str = "", max_unannounced: int | None = None
    ) -> Answer:
        """Return the answer that the test wants."""
        self.requests.append(url)
        answer = self.answer(url, self.clock())
        if answer == HANG:
            self.clock.advance(deadline_s)
        return answer


@dataclass
class Fetched:
    """What came of a list of links."""

    findings: dict[str, Finding]
    web: Web
    seconds: float

    def outcomes(self) -> Counter[tuple[str, str]]:
        return Counter((finding.outcome, str(finding.reason.verdict)) for finding in self.findings.values())


@pytest.fixture
def fetched(tmp_path: Path) -> Callable[..., Fetched]:
    """Fetch URLs from a web; ends as soon as each has its finding."""

    def fetch(
        urls: Iterable[str],
        answer: Callable[[str, float], Answer],
        removals: Removals = NO_REMOVALS,
        layout: Layout | None = None,
        trails: Mapping[str, Trail] | None = None,
        troubles: tuple[Trouble, ...] = (),
        **fetch: Any,
    ) -> Fetched:
        clock, findings = Clock(), dict[str, Finding]()
        web = Web(clock, answer)
        chosen = FetchSettings(**fetch)
        settings = WorkerSettings.of(str(tmp_path), None, chosen, ScreenSettings(), 0, 1, removals, layout)

        def report(number: int, finding: Finding) -> None:
            assert finding.url not in findings
            findings[finding.url] = finding

        requests = [Request(Url(url), trail=(trails or {}).get(url), troubles=troubles) for url in urls]
        fetch_all(Fetcher(settings, report, web, clock), requests, findings, clock)
        return Fetched(findings, web, clock())

    return fetch


def fetch_all(fetcher: Fetcher, requests: Sequence[Request], findings: Mapping[str, Finding], clock: Clock) -> None:
    """Have a fetcher fetch links until each has its finding."""
    for number, request in enumerate(requests):
        fetcher.put(number, request)
    while len(findings) < len(requests):
        if not fetcher.step():
            clock.advance(TICK_S)
        assert clock() < MAX_S


def links(count: int, kind: str = "cat", host: str = "http://h.example") -> list[str]:
    return [f"{host}/{kind}/{number}" for number in range(count)]


def dead_until(seconds: float) -> Callable[[str, float], Answer]:
    return lambda url, now: RESET if now < seconds else CAT


@pytest.mark.parametrize("count", [5, 12, 40, 100])
@pytest.mark.parametrize("seconds", [1, 3, 5, 8])
@pytest.mark.parametrize("settings", [{}, {"attempts": 3}, {"per_host": 1}])
def test_a_host_that_resets_for_a_while_loses_no_link(
    fetched: Callable[..., Fetched], count: int, seconds: int, settings: dict[str, int]
) -> None:
    result = fetched(links(count), dead_until(seconds), **settings)
    assert result.outcomes() == {("fetched", "alive"): count}
    assert result.seconds < PATIENCE_S + 5


@pytest.mark.parametrize("bad", [11, 40])
@pytest.mark.parametrize("failure", [RESET, GONE])
def test_links_that_fail_take_none_of_their_host_with_them(
    fetched: Callable[..., Fetched], bad: int, failure: Failed
) -> None:
    result = fetched([*links(bad, "bad"), *links(30)], lambda url, now: failure if "/bad/" in url else CAT)
    assert result.outcomes() == {("fetched", "alive"): 30, ("fetched", "dead"): bad}
    for url, finding in result.findings.items():
        assert (finding.reason == "") == ("/cat/" in url)


@pytest.mark.parametrize("bad", [60, 200])
def test_good_links_behind_many_that_fail_are_found(fetched: Callable[..., Fetched], bad: int) -> None:
    result = fetched([*links(bad, "bad"), *links(30)], lambda url, now: RESET if "/bad/" in url else CAT)
    assert result.outcomes()["fetched", "alive"] == 30


@pytest.mark.parametrize("resets", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"attempts": 3}, {"per_host": 1}])
def test_a_host_that_resets_the_first_requests_for_each_link_loses_none(
    fetched: Callable[..., Fetched], resets: int, settings: dict[str, int]
) -> None:
    requests = Counter[str]()

    def answer(url: str, now: float) -> Answer:
        requests[url] += 1
        return RESET if requests[url] <= resets else CAT

    assert fetched(links(120), answer, **settings).outcomes() == {("fetched", "alive"): 120}


def test_failing_and_good_links_by_turns_are_all_asked(fetched: Callable[..., Fetched]) -> None:
    urls = [url for pair in zip(links(60, "bad"), links(60), strict=True) for url in pair]
    result = fetched(urls, lambda url, now: RESET if "/bad/" in url else CAT)
    assert result.outcomes() == {("fetched", "alive"): 60, ("fetched", "dead"): 60}


def test_a_host_that_answers_first_and_then_resets_loses_no_link(fetched: Callable[..., Fetched]) -> None:
    result = fetched(links(100), lambda url, now: CAT if now > 8 or len(url) == len(links(1)[0]) else RESET)
    assert result.outcomes() == {("fetched", "alive"): 100}


def test_of_a_host_that_never_answers_only_what_was_asked_is_dead(fetched: Callable[..., Fetched]) -> None:
    result = fetched(links(3000), lambda url, now: RESET)
    for url, finding in result.findings.items():
        requests = result.web.requests.count(url) if finding.outcome == "skipped" else finding.attempts
        assert (finding.outcome == "skipped") == (requests == 0), finding
        assert (finding.reason.verdict is Verdict.DEAD) == (requests > 0)
    assert set(result.outcomes()) == {("fetched", "dead"), ("skipped", "unknown")}
    assert len(result.web.requests) < 50, "a dead host is not hurried"
    assert result.seconds < 2 * PATIENCE_S


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_no_link_is_requested_more_often_than_the_job_allows(fetched: Callable[..., Fetched], attempts: int) -> None:
    result = fetched(links(20), lambda url, now: RESET, attempts=attempts)
    assert max(Counter(result.web.requests).values()) <= attempts


def test_a_host_that_hangs_costs_a_bounded_time_and_kills_nothing_unasked(fetched: Callable[..., Fetched]) -> None:
    result = fetched(links(500), lambda url, now: HANG, deadline_s=2)
    assert result.seconds <= 2 * PATIENCE_S + 10 * 2
    assert result.outcomes()["skipped", "unknown"] > 400
    requested = {url for url, finding in result.findings.items() if finding.outcome != "skipped"}
    assert requested == set(result.web.requests)


def test_a_silent_host_takes_none_of_the_others_with_it(fetched: Callable[..., Fetched]) -> None:
    urls = [*links(50, host="http://silent.example"), *links(50)]
    result = fetched(urls, lambda url, now: RESET if "silent" in url else CAT)
    assert result.outcomes()["fetched", "alive"] == 50


@pytest.mark.server
def test_a_dead_host_costs_a_few_connections_and_holds_up_nobody(tmp_path: Path) -> None:
    clock, findings, found_at_s = Clock(), dict[str, Finding](), dict[str, float]()

    def report(number: int, finding: Finding) -> None:
        findings[finding.url] = finding
        found_at_s[finding.url] = clock()

    with (
        serving(lambda talk: talk.socket.close(), reads_request=False) as dead,
        serving(lambda talk: talk.say(ok(CAT.data))) as alive,
    ):
        chosen = FetchSettings(allow=(dead.exemption, alive.exemption), attempts=1)
        settings = WorkerSettings.of(str(tmp_path), None, chosen, ScreenSettings(), 0, 1)
        urls = [*(f"{dead.url}{number}" for number in range(80)), f"{alive.url}cat"]
        requests = [Request(Url(url)) for url in urls]
        fetch_all(Fetcher(settings, report, clock=clock), requests, findings, clock)
    assert findings[f"{alive.url}cat"].reason is Reason.ALIVE
    assert found_at_s[f"{alive.url}cat"] < 1
    requested = [f for url, f in findings.items() if url.startswith(dead.url) and f.outcome != "skipped"]
    assert {f.reason for f in requested} == {"unreachable"}
    assert len(requested) == dead.connections < 50


def test_links_of_a_name_that_does_not_resolve_are_all_asked(fetched: Callable[..., Fetched]) -> None:
    result = fetched(links(200), lambda url, now: NO_NAME)
    assert result.outcomes() == {("fetched", "dead"): 200}
    assert {finding.attempts for finding in result.findings.values()} == {1}
    assert result.seconds == 0


def test_a_redirect_to_a_host_that_was_given_up_is_not_dead(fetched: Callable[..., Fetched]) -> None:
    busy = Failed(reason=Reason.SERVER_ERROR, detail="", status=503, may_pass=True, retry_after_s=PATIENCE_S + 5)

    def answer(url: str, now: float) -> Answer:
        if "silent" in url:
            return RESET
        return busy if now < PATIENCE_S else Redirect(302, Url("http://silent.example/late"))

    result = fetched([*links(40, host="http://silent.example"), *links(3)], answer)
    assert {result.findings[url].outcome for url in links(3)} == {"skipped"}
    assert "http://silent.example/late" not in result.web.requests


def test_a_request_that_goes_wrong_in_our_own_hands_costs_that_link_alone(fetched: Callable[..., Fetched]) -> None:
    def answer(url: str, now: float) -> Answer:
        if url == links(1)[0]:
            raise RuntimeError("nobody has thought of this")
        return CAT

    result = fetched(links(9), answer)
    assert result.outcomes()["fetched", "alive"] == 8
    finding = result.findings[links(1)[0]]
    assert (finding.local, finding.attempts) == (True, 1)


# robots.txt


def rules(robot: bytes) -> Body:
    return Body(b"\xef\xbb\xbfUser-agent: %b\nDisallow: /private" % robot, etag="", last_modified="", robots="")


def with_robots(robots: Answer | Callable[[float], Answer]) -> Callable[[str, float], Answer]:
    def answer(url: str, now: float) -> Answer:
        if not url.endswith("/robots.txt"):
            return CAT
        return robots(now) if callable(robots) else robots

    return answer


def failed(status: int, reason: Reason, may_pass: bool = False) -> Failed:
    return Failed(reason=reason, detail=f"HTTP {status}", status=status, may_pass=may_pass)


@pytest.mark.parametrize("robot", [b"*", b"Regraft", b"regraft/0.9 (like others)"])
def test_what_robots_txt_disallows_is_not_requested(fetched: Callable[..., Fetched], robot: bytes) -> None:
    result = fetched([*links(3), *links(3, "private")], with_robots(rules(robot)), robots=True)
    assert {result.findings[url].reason for url in links(3, "private")} == {"opted_out"}
    assert sorted(result.web.requests) == sorted(["http://h.example/robots.txt", *links(3)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_host_without_robots_txt_allows_everything(fetched: Callable[..., Fetched], status: int) -> None:
    result = fetched(links(3), with_robots(failed(status, Reason.GONE)), robots=True)
    assert result.outcomes() == {("fetched", "alive"): 3}


NOT_READABLE = [
    failed(500, Reason.SERVER_ERROR, may_pass=True),
    failed(502, Reason.UNREACHABLE, may_pass=True),
    failed(503, Reason.SERVER_ERROR, may_pass=True),
    failed(408, Reason.TIMEOUT, may_pass=True),
    failed(429, Reason.RATE_LIMITED, may_pass=True),
    failed(200, Reason.TRUNCATED, may_pass=True),
    failed(200, Reason.TOO_LARGE),
    failed(302, Reason.BLOCKED),
    RESET,
    HANG,
]


@pytest.mark.parametrize("failure", NOT_READABLE, ids=lambda failure: f"{failure.status} {failure.reason}")
def test_where_robots_txt_cannot_be_read_nothing_is_requested_and_nothing_dead(
    fetched: Callable[..., Fetched], failure: Failed
) -> None:
    result = fetched(links(30), with_robots(failure), robots=True, deadline_s=2)
    assert result.outcomes() == {("skipped", "unknown"): 30}
    assert set(result.web.requests) == {"http://h.example/robots.txt"}
    assert len(result.web.requests) <= 2
    assert result.seconds < 10


def test_a_robots_txt_that_fails_once_is_read_again(fetched: Callable[..., Fetched]) -> None:
    result = fetched(
        [*links(30), *links(1, "private")], with_robots(lambda now: rules(b"*") if now > 1 else RESET), robots=True
    )
    assert result.outcomes() == {("fetched", "alive"): 30, ("fetched", "junk"): 1}


@pytest.mark.parametrize(
    ("delay", "seconds"), [("0.5", 0.5), ("1e9", 4), ("-3", 0), ("nan", 0), ("inf", 0), ("soon", 0)]
)
def test_a_crawl_delay_is_kept_up_to_the_longest_wait(
    fetched: Callable[..., Fetched], delay: str, seconds: float
) -> None:
    robots = Body(f"User-agent: *\nCrawl-delay: {delay}".encode(), etag="", last_modified="", robots="")
    result = fetched(links(5), with_robots(robots), robots=True, retry_after_s=4)
    assert result.outcomes() == {("fetched", "alive"): 5}
    assert 3 * seconds <= result.seconds <= 4 * seconds + 1


def test_a_host_that_does_not_exist_has_no_robots_txt_and_its_links_are_dead(fetched: Callable[..., Fetched]) -> None:
    result = fetched(links(30), lambda url, now: NO_NAME, robots=True)
    assert result.outcomes() == {("fetched", "dead"): 30}


def test_a_redirect_to_what_was_removed_is_not_followed(fetched: Callable[..., Fetched]) -> None:
    gone, moved = "http://gone.example/cat.jpg", "http://photos.example/cat.jpg"

    def answer(url: str, now_s: float) -> Redirect | Body:
        return Redirect(url=Url(gone), status=302) if url != gone else CAT

    removals = (
        Removals(hosts=frozenset({hash_of_host("gone.example")})),
        Removals(links=frozenset({hash_of_link(gone)}), hosts_of_links=frozenset({hash_of_host("gone.example")})),
    )
    for removed in removals:
        came = fetched([moved], answer, removals=removed)
        assert came.findings[moved].reason is Reason.REMOVED
        assert came.findings[moved].final_url == moved
        assert gone not in came.web.requests


LAYOUT = Layout((1,) * 16, spread=("cdn.example",))
OLD, SAME_HOST, NEW = "http://old.example/1", "https://old.example/1", "http://moved.example/1"
"""Of the hosts of OLD and NEW, each has a lane of its own."""


def test_a_redirect_into_another_lane_is_left_to_that_lane(fetched: Callable[..., Fetched]) -> None:
    assert lane_of(OLD, LAYOUT) != lane_of(NEW, LAYOUT)
    targets = {OLD: SAME_HOST, SAME_HOST: NEW}
    came = fetched([OLD], lambda url, now: Redirect(301, Url(targets[url])) if url in targets else CAT, layout=LAYOUT)
    assert came.web.requests == [OLD, SAME_HOST]
    finding = came.findings[OLD]
    assert (finding.outcome, finding.is_elsewhere) == ("skipped", True)
    trail = finding.onward and finding.onward.trail
    assert trail == Trail(at=NEW, lane=lane_of(NEW, LAYOUT), redirects=2, attempts=1, attempt_s=0.0, elapsed_s=0.0)
    there = fetched([OLD], lambda url, now: CAT, layout=LAYOUT, trails={OLD: trail})
    assert there.web.requests == [NEW]
    there_finding = there.findings[OLD]
    assert (there_finding.reason, there_finding.final_url, there_finding.attempts) == ("", NEW, 1)


def test_redirects_are_counted_over_all_lanes(fetched: Callable[..., Fetched]) -> None:
    trail = Trail(at=NEW, lane=lane_of(NEW, LAYOUT), redirects=5, attempts=1, attempt_s=0.5, elapsed_s=0.5)
    came = fetched([OLD], lambda url, now: Redirect(301, Url(OLD)), layout=LAYOUT, trails={OLD: trail}, max_redirects=5)
    assert came.findings[OLD].reason is Reason.TOO_MANY_REDIRECTS
    assert came.findings[OLD].onward is None


def test_a_link_that_fails_where_it_goes_on_is_tried_again_there(fetched: Callable[..., Fetched]) -> None:
    busy = Failed(reason=Reason.SERVER_ERROR, detail="", status=503, may_pass=True, retry_after_s=2)
    trail = Trail(at=NEW, lane=lane_of(NEW, LAYOUT), redirects=1, attempts=1, attempt_s=0.0, elapsed_s=0.0)
    came = fetched([OLD], lambda url, now: busy if now < 1 else CAT, layout=LAYOUT, trails={OLD: trail})
    assert came.web.requests == [NEW, NEW]
    assert (came.findings[OLD].reason, came.findings[OLD].attempts) == ("", 2)
    came = fetched([OLD], lambda url, now: busy, layout=LAYOUT, trails={OLD: trail}, attempts=3)
    assert (came.findings[OLD].reason, came.findings[OLD].attempts) == (Reason.SERVER_ERROR, 3)


def test_a_redirect_to_a_host_that_all_lanes_may_ask_is_followed_at_once(fetched: Callable[..., Fetched]) -> None:
    targets = {OLD: "http://cdn.example/1", "http://cdn.example/1": "http://cdn.example/2"}
    came = fetched([OLD], lambda url, now: Redirect(301, Url(targets[url])) if url in targets else CAT, layout=LAYOUT)
    assert came.findings[OLD].final_url == "http://cdn.example/2"


BUSY = Failed(reason=Reason.RATE_LIMITED, detail="HTTP 429", status=429, may_pass=True, retry_after_s=120)


def test_a_host_that_asked_to_be_left_alone_is_left_alone_in_the_next_round_too(
    fetched: Callable[..., Fetched],
) -> None:
    here = fetched([NEW], lambda url, now: BUSY, layout=LAYOUT, attempts=1, retry_after_s=90)
    trouble = here.findings[NEW].trouble
    assert trouble == Trouble("moved.example", pause_s=90.0)
    there = fetched(links(3, host="http://moved.example"), lambda url, now: CAT, troubles=(trouble,), layout=LAYOUT)
    assert there.seconds >= 90
    assert {(finding.reason, finding.trouble) for finding in there.findings.values()} == {("", None)}
    other = fetched(links(3), lambda url, now: CAT, troubles=(trouble,), layout=LAYOUT)
    assert other.seconds < 1


def test_a_host_that_asked_to_be_left_alone_is_not_asked_for_its_next_link(fetched: Callable[..., Fetched]) -> None:
    came = fetched(
        links(2), lambda url, now: BUSY if now < 30 else CAT, attempts=1, per_host=1, retry_after_s=90, layout=LAYOUT
    )
    assert came.seconds >= 90
    assert Counter(finding.reason for finding in came.findings.values()) == {Reason.RATE_LIMITED: 1, "": 1}


def test_a_host_that_was_given_up_is_not_asked_in_the_next_round_before_it_has_rested(
    fetched: Callable[..., Fetched],
) -> None:
    here = fetched(links(20), lambda url, now: RESET, layout=LAYOUT)
    trouble = here.findings[links(20)[-1]].trouble
    assert trouble is not None
    assert trouble.failures >= MAX_FAILURES
    there = fetched(links(20, "dog"), lambda url, now: CAT, troubles=(trouble,), layout=LAYOUT)
    assert there.outcomes() == {("skipped", "unknown"): 20}
    assert there.web.requests == []


def test_one_machine_is_told_of_no_trouble(fetched: Callable[..., Fetched]) -> None:
    assert fetched(links(3), lambda url, now: RESET).findings[links(3)[0]].trouble is None


def test_no_more_pictures_are_judged_at_a_time_than_there_are_cores_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, under_way = threading.Barrier(2), UnderWay()

    def judge(data: bytes, limits: Limits) -> Unfit:
        with under_way.counted():
            pair.wait(60)
        return Unfit(Reason.TRUNCATED, "as the test wants it")

    monkeypatch.setattr(fetching, "usable_cores", lambda: 4)
    monkeypatch.setattr(fetching, "judge", judge)
    findings: list[Finding] = []
    settings = WorkerSettings.of(str(tmp_path), None, FetchSettings(per_host=16), ScreenSettings(), 0, workers=2)
    clock = Clock()
    fetcher = Fetcher(settings, lambda _, finding: findings.append(finding), Web(clock, lambda url, now: CAT), clock)
    for number, url in enumerate(links(8)):
        fetcher.put(number, Request(Url(url)))
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: fetcher.step(), range(8)))
    assert len(findings) == 8
    assert under_way.peak.total() == 2
