"""Progress bars for people at a terminal; one line a step for pipes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from regraft import progress


class RateColumn(ProgressColumn):
    """Units a second; empty for steps that have no smaller units."""

    def render(self, task: Task) -> Text:
        """Return the speed as text."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and (task.total or 0) > 1 else "", style="progress.data.speed")


class BarDisplay:
    """One bar a step, with counts and the time left; it takes the place of a bar that waits for the first step."""

    def __init__(self, bars: Progress, waiting: TaskID):
        self._bars, self._waiting = bars, waiting
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: str, done: int, total: int) -> None:
        """Show that `done` of a step's `total` units are done."""
        self._bars.update(self._waiting, visible=False)
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)


class LineDisplay:
    """One line a step, when it begins."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def show(self, step: str, done: int, total: int) -> None:
        """Print, once, that a step began."""
        if step not in self._begun:
            self._begun.add(step)
            print(f"regraft: {step} ...", file=sys.stderr, flush=True)


@contextmanager
def progress_shown(waiting: str = "starting Prefect") -> Iterator[None]:
    """Show the progress of what runs in the context, on standard error; `waiting`: what comes before its first step."""
    console = Console(stderr=True)
    if not console.is_terminal:
        progress.set_display(LineDisplay())
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        progress.set_display(BarDisplay(bars, bars.add_task(waiting, total=None)))
        yield
