"""The crew: every link gets exactly one finding, hosts are asked politely, and a crash costs one link."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regraft.config import FetchSettings, ScreenSettings
from regraft.errors import WorkerError
from regraft.fetching import worker_process
from regraft.fetching.crew import Crew
from regraft.fetching.own_limits import MAX_BYTES, STACK_BYTES
from regraft.fetching.settings import WorkerSettings
from regraft.fetching.waiting import Waiting
from regraft.identity import Url
from regraft.links.findings import Finding, Request
from regraft.menagerie.drawing import drawing, encoded
from regraft.verdicts import Reason
from tests.hostile import Hostile, Talk, ok, serving
from tests.processes import until
from tests.under_way import UnderWay

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("crew")]

CAT = encoded(drawing("cat", "crew"), "JPEG")


@contextlib.contextmanager
def crew_for(hostile: Hostile, store: Path, **fetch: Any) -> Iterator[Crew]:
    chosen = {"allow": (hostile.exemption,), "deadline_s": 2, "attempts": 2, "connections": 16, "processes": 1} | fetch
    with Crew(str(store), FetchSettings.model_validate(chosen), ScreenSettings()) as crew:
        yield crew


def findings_of(crew: Crew, *urls: str) -> dict[str, Finding]:
    return {finding.url: finding for finding in crew.fetch(lambda: [Request(Url(url)) for url in urls])}


def anything(talk: Talk) -> None:
    """Serve what a path asks for."""
    match talk.path.split("/")[1:]:
        case ["cat", *_]:
            talk.say(ok(CAT))
        case ["page", *_]:
            talk.say(ok(b"<html>"))
        case ["half", *_]:
            talk.say(ok(CAT[: len(CAT) // 2]))
        case ["short", *_]:
            talk.say(ok(CAT[:99], length=len(CAT)))
        case ["loop", *_]:
            talk.say(f"HTTP/1.1 302 F\r\nLocation: {talk.path}\r\nContent-Length: 0\r\n\r\n".encode())
        case ["private", *_]:
            talk.say(b"HTTP/1.1 302 F\r\nLocation: http://10.0.0.1/\r\n\r\n")
        case ["opted", *_]:
            talk.say(ok(CAT, "X-Robots-Tag: otherbot: noindex, NoAI"))
        case ["closed", *_]:
            talk.socket.close()
        case _:
            talk.say(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")


KINDS = ("cat", "page", "half", "short", "loop", "private", "opted", "closed", "gone")
EXPECTED = {
    "cat": "",
    "page": "not_an_image",
    "half": "truncated",
    "short": "truncated",
    "loop": "too_many_redirects",
    "private": "blocked",
    "opted": "opted_out",
    "closed": "unreachable",
    "gone": "gone",
}


@pytest.fixture(scope="module")
def rotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hostile, Crew]]:
    folder = tmp_path_factory.mktemp("crew")
    with serving(anything) as hostile, crew_for(hostile, folder, attempts=1, processes=2) as crew:
        yield hostile, crew


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40) | st.tuples(st.sampled_from(KINDS), st.integers(0, 99)), max_size=30, unique=True))
def test_every_input_gets_exactly_one_finding_and_nothing_leaves_a_worker(
    rotten: tuple[Hostile, Crew], words: list[str | tuple[str, int]]
) -> None:
    hostile, crew = rotten
    urls = [word if isinstance(word, str) else f"{hostile.url}{word[0]}/{word[1]}" for word in words]
    findings = crew.fetch(lambda: [Request(Url(url)) for url in urls])
    assert Counter(finding.url for finding in findings) == Counter(urls)
    assert {finding.reason for finding in findings} <= set(Reason)
    for finding in findings:
        kind = finding.url.removeprefix(hostile.url).split("/")[0]
        if finding.url.startswith(hostile.url) and kind in EXPECTED and kind != "closed":
            assert finding.reason == EXPECTED[kind], finding


def test_a_busy_server_is_asked_again_after_as_long_as_it_said(tmp_path: Path) -> None:
    times: list[float] = []

    def busy_once(talk: Talk) -> None:
        times.append(time.monotonic())
        again = len(times) > 1
        talk.say(ok(CAT) if again else b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

    with serving(busy_once) as hostile, crew_for(hostile, tmp_path) as crew:
        [finding] = findings_of(crew, f"{hostile.url}a").values()
    assert (finding.reason, finding.attempts) == ("", 2)
    assert times[1] - times[0] >= 1


def test_a_retry_after_is_bounded(tmp_path: Path) -> None:
    busy = b"HTTP/1.1 429 Slow down\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda talk: talk.say(busy)) as hostile, crew_for(hostile, tmp_path, retry_after_s=0.2) as crew:
        [finding] = findings_of(crew, f"{hostile.url}a").values()
    assert (finding.reason, finding.attempts) == ("rate_limited", 2)


def test_a_host_is_asked_by_so_many_connections_at_once_over_all_processes(tmp_path: Path) -> None:
    under_way, all_there = UnderWay(), threading.Event()

    def counting(talk: Talk) -> None:
        with under_way.counted():
            if under_way.now.total() == 3:
                all_there.set()
            all_there.wait(30)
            talk.wait(0.1)  # in which one too many would come
        talk.say(ok(CAT))

    with serving(counting) as hostile, crew_for(hostile, tmp_path, deadline_s=60, per_host=3, processes=2) as crew:
        findings = findings_of(crew, *(f"{hostile.url}{i}" for i in range(12)))
    assert {finding.reason for finding in findings.values()} == {""}
    assert under_way.peak.total() == 3


def test_a_paced_host_is_not_hurried(tmp_path: Path) -> None:
    with serving(anything) as hostile, crew_for(hostile, tmp_path, pace_s=0.2) as crew:
        findings_of(crew, f"{hostile.url}cat/first")  # the process has started by then
        began = time.monotonic()
        findings_of(crew, *(f"{hostile.url}cat/{i}" for i in range(5)))
        assert time.monotonic() - began >= 4 * 0.2
        assert len(hostile.request_lines) == 6


def test_robots_txt_is_obeyed_where_the_job_asks_for_it(tmp_path: Path) -> None:
    rules = b"User-agent: regraft\nDisallow: /private\nUser-agent: *\nDisallow: /\n"

    def site(talk: Talk) -> None:
        talk.say(ok(rules) if talk.path == "/robots.txt" else ok(CAT))

    with serving(site) as hostile:
        with crew_for(hostile, tmp_path, robots=True) as crew:
            findings = findings_of(crew, f"{hostile.url}private/a", f"{hostile.url}public/b")
        assert [findings[url].reason for url in sorted(findings)] == ["opted_out", ""]
        assert "GET /private/a HTTP/1.1" not in hostile.request_lines
        with crew_for(hostile, tmp_path) as crew:
            assert findings_of(crew, f"{hostile.url}private/a")[f"{hostile.url}private/a"].reason == ""


def test_a_budget_leaves_the_rest_for_another_day(tmp_path: Path) -> None:
    with serving(anything) as hostile, crew_for(hostile, tmp_path, budget_bytes=len(CAT)) as crew:
        first = findings_of(crew, *(f"{hostile.url}cat/{i}" for i in range(4)))
        later = findings_of(crew, *(f"{hostile.url}cat/{i}" for i in range(4, 8)))
    assert {finding.outcome for finding in first.values()} == {"fetched"}
    assert {(finding.outcome, finding.attempts) for finding in later.values()} == {("skipped", 0)}


def test_a_crash_of_the_decoder_costs_one_link(tmp_path: Path) -> None:
    def deadly(talk: Talk) -> None:
        if talk.path == "/deadly":
            os.kill(pid_of(talk.socket.getpeername()[1]), signal.SIGKILL)
        else:
            talk.wait(0.05)
            talk.say(ok(CAT))

    with serving(deadly) as hostile, crew_for(hostile, tmp_path, connections=4, processes=2) as crew:
        urls = [f"{hostile.url}{i}" for i in range(10)]
        findings = findings_of(crew, *urls[:5], f"{hostile.url}deadly", *urls[5:])
        assert {findings[url].reason for url in urls} == {""}
        assert "crash the decoder" in findings[f"{hostile.url}deadly"].detail
        assert findings_of(crew, urls[0])[urls[0]].reason == ""


def test_after_a_crash_no_host_is_asked_with_more_connections(tmp_path: Path) -> None:
    """What was under way went apart with all of the host's connections, while the other processes had theirs too."""
    under_way, deaths = UnderWay(), list[int]()

    def deadly_once(talk: Talk) -> None:
        if talk.path == "/0" and not deaths:
            deaths.append(pid_of(talk.socket.getpeername()[1]))
            os.kill(deaths[0], signal.SIGKILL)
            return
        with under_way.counted():
            talk.wait(0.05)
        talk.say(ok(CAT))

    with serving(deadly_once) as hostile, crew_for(hostile, tmp_path, per_host=2, processes=2) as crew:
        urls = [f"{hostile.url}{i}" for i in range(80)]
        findings = findings_of(crew, *urls)
    assert len(deaths) == 1
    assert {findings[url].reason for url in urls} == {""}
    assert under_way.peak.total() == 2


def test_what_decoders_print_of_damaged_pictures_stays_off_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libtiff prints a line for each line of a fax that it cannot read, and Pillow warns of each odd tag."""
    fax = encoded(drawing("cat", "fax").convert("1"), "TIFF", compression="group4")
    metadata = encoded(drawing("cat", "crew"), "TIFF", tiffinfo=dict.fromkeys(range(50_000, 50_020), b"x" * 50))
    files = {"/fax": fax[:200] + b"\x55" * 900 + fax[1100:], "/metadata": metadata[:-900]}
    with serving(lambda talk: talk.say(ok(files[talk.path]))) as hostile, crew_for(hostile, tmp_path) as crew:
        findings = findings_of(crew, *(f"{hostile.url.rstrip('/')}{path}" for path in files))
    assert len(findings) == len(files)
    assert capfd.readouterr() == ("", "")


def test_a_killed_process_costs_few_others_however_many_links_were_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where links went apart one by one, 16 of them took 16 processes."""
    started = []
    start = worker_process._started

    def counted(settings: WorkerSettings) -> Any:
        started.append(settings)
        return start(settings)

    def deadly(talk: Talk) -> None:
        if talk.path == "/deadly":
            os.kill(pid_of(talk.socket.getpeername()[1]), signal.SIGKILL)
        else:
            talk.wait(0.2)
            talk.say(ok(CAT))

    monkeypatch.setattr(worker_process, "_started", counted)
    with serving(deadly) as hostile:
        urls = [Url(f"{hostile.url}{i}") for i in range(15)]
        requests = [Request(url) for url in [*urls[:10], Url(f"{hostile.url}deadly"), *urls[10:]]]
        chosen = FetchSettings(allow=(hostile.exemption,))
        settings = WorkerSettings.of(str(tmp_path), None, chosen, ScreenSettings(), place=0, workers=1)
        findings = {finding.url: finding for finding in worker_process.fetched_apart(requests, settings)}
    assert {findings[url].reason for url in urls} == {""}
    assert "crash the decoder" in findings[Url(f"{hostile.url}deadly")].detail
    assert len(findings) == len(requests)
    assert len(started) <= 1 + 2 * 4  # each time one half dies: 16 halve to 1 in 4 steps


def pid_of(port: int) -> int:
    """The process among our children that owns the connection from a local port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(words[9] for words in lines if int(words[1].split(":")[1], 16) == port)
    children = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    everybody = [
        *children,
        *(p for t in os.listdir("/proc/self/task") for p in Path(f"/proc/self/task/{t}/children").read_text().split()),
    ]
    for pid in everybody:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{number}") == f"socket:[{inode}]":
                    return int(pid)
    raise LookupError(port)


def test_a_crew_that_is_closed_lets_go_whoever_waits(tmp_path: Path) -> None:
    requested = threading.Event()

    def silent(talk: Talk) -> None:
        requested.set()
        talk.wait(30)

    with serving(silent) as hostile, ThreadPoolExecutor(1) as threads:
        with crew_for(hostile, tmp_path, deadline_s=60, processes=2) as crew:
            waiting = threads.submit(findings_of, crew, *(f"{hostile.url}/{number}" for number in range(300)))
            assert requested.wait(30)
        findings = waiting.result(60)
        late = findings_of(crew, f"{hostile.url}/late")
    assert len(findings) == 300
    assert {finding.outcome for finding in (*findings.values(), *late.values())} == {"skipped"}
    assert crew.processes == 0


def test_it_is_said_what_is_waited_for_while_nothing_comes_in(tmp_path: Path) -> None:
    answer, notes = threading.Event(), list[Waiting | None]()
    is_said = threading.Event()

    def silent(talk: Talk) -> None:
        answer.wait(30)
        talk.say(ok(CAT))

    def on_waiting(waiting: Waiting | None) -> None:
        notes.append(waiting)
        is_said.set()

    with serving(silent) as hostile, ThreadPoolExecutor(1) as threads:
        settings = FetchSettings(allow=(hostile.exemption,), deadline_s=60, processes=1)
        with Crew(str(tmp_path), settings, ScreenSettings(), on_waiting=on_waiting) as crew:
            fetched = threads.submit(findings_of, crew, f"{hostile.url}a", f"{hostile.url}b")
            assert is_said.wait(30)
            answer.set()
            fetched.result(30)
            until("nothing is waited for any more", lambda: notes[-1] is None, 30)
    assert notes[0] is not None
    assert notes[0].links == {hostile.exemption: 2}
    assert notes[0].at_most_s is not None
    assert 60 < notes[0].at_most_s < 121, "what is left of the first attempt, and the second"


def test_a_process_that_does_not_start_stops_the_run_and_blames_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with serving(anything) as hostile, crew_for(hostile, tmp_path) as crew:
        for _ in range(2):
            with pytest.raises(WorkerError, match="no link is marked dead"):
                findings_of(crew, *(f"{hostile.url}cat/{number}" for number in range(40)))
    assert hostile.request_lines == []


def test_processes_that_were_started_early_are_those_that_fetch(tmp_path: Path) -> None:
    with serving(anything) as hostile, crew_for(hostile, tmp_path) as crew:
        crew.start()
        early, fetching = list(crew._workers), []
        crew.fetch(lambda: [Request(Url(f"{hostile.url}cat"))], lambda finding: fetching.extend(crew._workers))
        assert len(early) == 1
        assert fetching == early
    assert crew.processes == 0


def test_processes_start_with_the_first_request_and_end_after_the_last_shard(tmp_path: Path) -> None:
    def running_while_fetched(url: str) -> list[int]:
        running: list[int] = []
        crew.fetch(lambda: [Request(Url(url))], lambda links: running.append(crew.processes))
        return running

    with serving(anything) as hostile:
        settings = FetchSettings(allow=(hostile.exemption,), processes=2)
        with Crew(str(tmp_path), settings, ScreenSettings(), linger_s=0) as crew:
            assert crew.processes == 0
            for shard in range(2):
                assert running_while_fetched(f"{hostile.url}cat/{shard}") == [2]
                until("the processes have ended", lambda: crew.processes == 0, 60)


def test_fetching_processes_have_a_memory_limit(tmp_path: Path) -> None:
    limits: list[str] = []

    def note_limits(talk: Talk) -> None:
        limits.append(Path(f"/proc/{pid_of(talk.socket.getpeername()[1])}/limits").read_text())
        talk.say(ok(CAT))

    with serving(note_limits) as hostile, crew_for(hostile, tmp_path) as crew:
        assert [finding.reason for finding in findings_of(crew, hostile.url + "cat").values()] == [Reason.ALIVE]
    [line] = [line for line in limits[0].splitlines() if line.startswith("Max data size")]
    assert int(line.split()[3]) <= MAX_BYTES + 16 * STACK_BYTES


@pytest.mark.skipif(len(os.sched_getaffinity(0)) > 16, reason="a process a core would be too many for a test")
def test_all_threads_of_a_fetching_process_keep_to_a_core_of_its_own(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    kept = dict[int, set[int]]()

    def note_cores(talk: Talk) -> None:
        pid = pid_of(talk.socket.getpeername()[1])
        threads = map(int, os.listdir(f"/proc/{pid}/task"))
        kept[pid] = {core for thread in threads for core in os.sched_getaffinity(thread)}
        talk.say(ok(CAT))

    with (
        serving(note_cores) as hostile,
        crew_for(hostile, tmp_path, processes=len(cores), per_host=len(cores), connections=2 * len(cores)) as crew,
    ):
        findings_of(crew, *(f"{hostile.url}{number}" for number in range(8 * len(cores))))
    assert sorted(map(sorted, kept.values())) == [[core] for core in sorted(cores)]
