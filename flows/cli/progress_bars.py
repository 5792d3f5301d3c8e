"""Progress bars for people at a terminal; one line a step for pipes."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
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

LINE_EVERY_S = 10.0


class RateColumn(ProgressColumn):
    """Units a second; empty for steps that have no smaller units."""

    def render(self, task: Task) -> Text:
        """Return the speed as text."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and (task.total or 0) > 1 else "", style="progress.data.speed")


class TimeLeftColumn(TimeRemainingColumn):
    """The time left by the speed so far; empty while a step waits, when that speed says nothing."""

    def render(self, task: Task) -> Text:
        """Return the time left as text."""
        return Text("") if task.fields.get("waiting") else super().render(task)


class Bars(Progress):
    """Bars, and below them what a step waits for."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars, then a line for each step that waits."""
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if waiting := task.fields.get("waiting"):
                yield Text(f"  {waiting}", style="dim")


class BarDisplay:
    """One bar a step, with counts and the time left; it takes the place of a bar that waits for the first step."""

    def __init__(self, bars: Progress, starting: TaskID):
        self._bars, self._starting = bars, starting
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: str, done: int, total: int) -> None:
        """Show that `done` of a step's `total` units are done."""
        self._bars.update(self._starting, visible=False)
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)

    def show_waiting(self, step: str, reason: str) -> None:
        """Show what a step waits for in place of the time left."""
        if step in self._tasks:
            self._bars.update(self._tasks[step], waiting=reason)


class LineDisplay:
    """One line a step when it begins, and one for each ten seconds that it waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._begun: set[str] = set()
        self._clock = clock
        self._silent_until = 0.0

    def show(self, step: str, done: int, total: int) -> None:
        """Print, once, that a step began."""
        if step not in self._begun:
            self._begun.add(step)
            print(f"regraft: {step} ...", file=sys.stderr, flush=True)

    def show_waiting(self, step: str, reason: str) -> None:
        """Print what a step waits for."""
        if reason and self._clock() >= self._silent_until:
            self._silent_until = self._clock() + LINE_EVERY_S
            print(f"regraft: {step}: {reason}", file=sys.stderr, flush=True)


@contextmanager
def progress_shown(waiting: str = "starting Prefect") -> Iterator[None]:
    """Show the progress of what runs in the context, on standard error; `waiting`: what comes before its first step."""
    if not sys.stderr.isatty():
        progress.set_display(LineDisplay())
        yield
        return
    terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w")  # its own: while TensorFlow is imported, 2 is discarded
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeLeftColumn(),
    )
    with terminal, Bars(*columns, console=Console(file=terminal), transient=True) as bars:
        progress.set_display(BarDisplay(bars, bars.add_task(waiting, total=None)))
        yield
