"""What all commands share: the app, its common options, and how an error ends."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from regraft.errors import RegraftError
from regraft.process import prepare_process
from regraft.release import __version__

app = typer.Typer(
    name="regraft",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Keep a transfer-learned model alive on image links that die.

    **First run**, no internet needed: `regraft run`

    **Your own lists**: `regraft init job.yaml`, then `regraft run job.yaml`

    **Which versions are there, and which is in use**: `regraft versions`, `regraft show`, `regraft report`

    **Predict**: `regraft predict photo.jpg https://example.org/cat.jpg`

    Exit codes: 0 done, 2 config or list, 3 store, 4 another run is under way, 5 outage, 6 too few images, 7 backbone,
    8 training, 9 version, 10 picture, 11 link, 12 damage found, 13 Prefect's server is gone, 130 stopped by Ctrl-C.
    """,
)
STOPPED = 130
"""Exit code of what Ctrl-C ended, as shells have it."""
STOP_S = 0.3
"""Seconds that Prefect gets to write down that the run was stopped."""
StoreOption = Annotated[
    str, typer.Option("--store", help="The store: a folder, or an fsspec URL such as s3://bucket/prefix.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProxyOption = Annotated[str | None, typer.Option("--proxy", help="Ask the web through this proxy, http://HOST:PORT.")]


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Prepare the process for every command; print the version where only that is wanted."""
    prepare_process()
    if version:
        print(f"regraft {__version__}")
        raise typer.Exit


@contextmanager
def told_apart() -> Iterator[None]:
    """End with one clear message and a code that means something, where something was refused."""
    try:
        yield
    except RegraftError as error:
        print(f"regraft: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        _say_stopped()
        raise typer.Exit(STOPPED) from None


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process within STOP_S, whatever is under way.

    A terminal's Ctrl-C reaches Prefect's own temporary server too, and Prefect would go on trying to tell it what
    happened. The store needs no farewell: its lock is the system's, and every file is whole or not there.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        timer = threading.Timer(STOP_S, _stop)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say_stopped() -> None:
    """Say so, once."""
    if not _said:
        _said.append(True)
        print(
            "regraft: stopped. What was fetched is kept; the next run goes on from there.", file=sys.stderr, flush=True
        )


def _stop() -> None:
    _say_stopped()
    leave(STOPPED)


def leave(code: int) -> None:
    """End this process at once, and the temporary server with it; Prefect would go on telling what happened."""
    if server := sys.modules.get("regraft.flows.cli.temporary_server"):  # only a run has one
        server.end()
    os._exit(code)


_said: list[bool] = []
