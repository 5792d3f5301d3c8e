"""What people at a terminal, and logs, are shown of a run that waits for its last links."""

import io

import pytest
from rich.console import Console

from regraft.fetching.waiting import Waiting
from regraft.flows.cli.progress_bars import BarDisplay, Bars, LineDisplay, TimeLeftColumn
from regraft.progress import Meter, set_display
from tests.fetching.clock import Clock

WAITING = Waiting({"slow.example": 4, "a.example": 1, "b.example": 1, "c.example": 1}, 12.4)
WORDS = "waiting for 7 links of 4 hosts: slow.example, a.example, b.example, ...; at most 12 s if they stay silent"


def test_what_is_waited_for_is_said_in_words() -> None:
    assert str(WAITING) == WORDS
    assert str(Waiting({"a.example": 1}, None)) == "waiting for 1 link of 1 host: a.example"


def test_processes_wait_for_what_each_of_them_waits_for() -> None:
    assert Waiting.sum([Waiting({"a": 1}, 3.0), Waiting({"a": 2, "b": 1}, 9.0)]) == Waiting({"a": 3, "b": 1}, 9.0)
    assert Waiting.sum([Waiting({"a": 1}, 3.0), Waiting({"b": 1}, None)]).at_most_s is None


def test_a_bar_says_what_it_waits_for_in_place_of_the_time_left() -> None:
    text, clock = io.StringIO(), Clock()
    console = Console(file=text, width=140, force_terminal=True, color_system=None)
    bars = Bars(TimeLeftColumn(), console=console, auto_refresh=False, get_time=clock)

    def shown() -> str:
        text.seek(0)
        text.truncate()
        console.print(*bars.get_renderables())
        return text.getvalue()

    set_display(BarDisplay(bars, bars.add_task("starting", visible=False)))
    meter = Meter()
    advance = meter.expect("fetch", 600)
    for _ in range(6):
        clock.advance(1)
        advance(99)
    assert "0:00:01" in shown(), "by the speed so far"
    meter.wait("fetch", str(WAITING))
    waiting = shown()
    assert WORDS in waiting
    assert "0:00:01" not in waiting
    meter.wait("fetch", "")
    assert "0:00:01" in shown()


def test_a_pipe_gets_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LineDisplay(clock)
    for _ in range(15):
        clock.advance(1)
        lines.show_waiting("fetch", WORDS)
    assert capsys.readouterr().err.splitlines() == [f"regraft: fetch: {WORDS}"] * 2
