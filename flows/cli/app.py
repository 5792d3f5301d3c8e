"""What all commands share: the app, its common options, and how a command ends where something goes wrong."""

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from regraft import __version__
from regraft.errors import RegraftError, StoreError
from regraft.flows.cli.output import printable
from regraft.process import prepare_process
from regraft.store.lease import release_all


class Commands(TyperGroup):
    """All commands; where what one prints cannot be written, on a full disk say, it ends with one sentence."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Do what the command line says, and end the process."""
        with _written_output():
            return super().main(*args, **kwargs)


app = typer.Typer(
    name="regraft",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Keep a transfer-learned model alive on image links that die.

    **First run**, no internet needed: `regraft run`

    **Your own lists**: `regraft init job.yaml`, then `regraft run job.yaml`

    **Which versions there are, and which is in use**: `regraft versions`, `regraft show`, `regraft report`

    **Predict**: `regraft predict photo.jpg https://example.org/cat.jpg`

    Exit codes: 0 done, 2 config or list, 3 store, 4 another run is under way, 5 outage, 6 too few images, 7 backbone,
    8 training, 9 version, 10 picture, 11 link, 12 damage found, 13 Prefect's server is gone, 14 no fetching process,
    15 the cluster cannot be used, 130 stopped by Ctrl-C.
    """,
)


class Panel(StrEnum):
    """The groups of commands in `regraft --help`, in their order there."""

    RUN = "Run"
    LOOK = "Look"
    USE = "Use a version"
    PUT_RIGHT = "Put right"
    KEEP = "Keep a store sound"
    SERVE = "Serve"


STOPPED_EXIT_CODE = 130
"""What shells use for a command that Ctrl-C ended."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
FAREWELL_S = 0.3
"""Seconds that Prefect has after Ctrl-C to write down that the run was stopped."""
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="A folder, or an fsspec URL such as s3://bucket/prefix. Else that of the job that ran last here.",
        show_default=False,
    ),
]
"""The store that a command works on, see `stores.open_store`."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProxyOption = Annotated[
    str | None, typer.Option("--proxy", help="Send all requests through this proxy, http://HOST:PORT.")
]
_last_actions: list[Callable[[], None]] = []
_has_said_stopped = threading.Event()


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Prepare the process for every command; print the version where only that is wanted."""
    prepare_process()
    _prepare_streams()
    if version:
        print(f"regraft {__version__}")
        raise typer.Exit


def _prepare_streams() -> None:
    """Have a stream in place of each that whoever started this has closed. What a terminal cannot show is a code."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _written_output() -> Iterator[None]:
    """Write what was printed before the process ends. Where that fails, end with an error, if it does not already."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # closed by whoever started this
                sys.stdout.flush()
    except BrokenPipeError:  # whoever reads it has read enough, as with `| head`
        _drop_output()
        raise SystemExit(1) from None
    except OSError as error:
        _drop_output()
        if isinstance(error.__context__, SystemExit) and error.__context__.code:
            raise error.__context__ from None
        print_error(failure := StoreError(f"What was to be printed cannot be written: {error.strerror}."))
        raise SystemExit(failure.exit_code) from error


def _drop_output() -> None:
    """Print no more: Python would try once more to write what it could not, when the process ends."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it stays open


@contextmanager
def exit_with_message() -> Iterator[None]:
    """End the command with one message and the error's exit code where something is refused or Ctrl-C is pressed.

    SIGTERM is answered as Ctrl-C is, so that the lock of a bucket is freed.
    """
    try:
        with _stopped_by(signal.SIGTERM):
            yield
    except RegraftError as error:
        print_error(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        _say_stopped()
        raise typer.Exit(STOPPED_EXIT_CODE) from None
    except OSError as error:  # a file of the command's own, such as one that it was to write
        if error.strerror is None or isinstance(error, BrokenPipeError):
            raise
        unknown = "The current folder is gone" if error.errno == errno.ENOENT else "The system refuses what was wanted"
        place = f"{error.filename} cannot be used" if error.filename else unknown
        print_error(refusal := StoreError(f"{place}: {error.strerror}. Look at the disk, and try again."))
        raise typer.Exit(refusal.exit_code) from error


@contextmanager
def exit_at_once_on_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the process within FAREWELL_S, whatever is under way.

    A terminal's Ctrl-C reaches Prefect's own temporary server too, and Prefect would go on trying to report to it. A
    store in a folder needs no farewell: the system frees its lock, and every file in it is whole or absent. The lock of
    a bucket is freed here. SIGTERM is answered in the same way, whatever handler Prefect has put in place of this one.
    """
    heard, sent = os.pipe()
    os.set_blocking(sent, False)
    watch = threading.Thread(target=_exit_after_signal, args=(heard,), daemon=True)
    watch.start()
    with _stopped_by(*STOP_SIGNALS):
        wakeup_before = signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_before)
            os.close(sent)  # ends the watch
            watch.join()
            os.close(heard)


@contextmanager
def _stopped_by(*signals: signal.Signals) -> Iterator[None]:
    """Raise KeyboardInterrupt where a signal comes."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_after_signal(heard: int) -> None:
    """End the process FAREWELL_S after a signal that stops it; return when nobody writes to the pipe any more.

    The system's numbers of signals come through the pipe as soon as they arrive: `signal.set_wakeup_fd`.
    """
    while number := os.read(heard, 1):
        if number[0] in STOP_SIGNALS:
            time.sleep(FAREWELL_S)
            _exit_stopped()


def url_as_listed(word: str) -> str:
    """Return a URL of the command line as the same bytes in a list are read: not every terminal writes UTF-8."""
    from regraft.links.list_text import decoded

    return decoded(os.fsencode(word))


def exit_at_once(code: int) -> NoReturn:
    """End this process without waiting for anything; what was registered with `before_exit_at_once` is done first."""
    release_all()
    for action in _last_actions:
        action()
    os._exit(code)


def before_exit_at_once(action: Callable[[], None]) -> None:
    """Register what must be done even where the process ends at once."""
    _last_actions.append(action)


def print_error(error: RegraftError) -> None:
    """Print an error's message on standard error, where that can be written to."""
    with suppress(OSError):
        print(printable(f"regraft: {error}"), file=sys.stderr, flush=True)


def _exit_stopped() -> None:
    _say_stopped()
    exit_at_once(STOPPED_EXIT_CODE)


def _say_stopped() -> None:
    """Say once, on standard error, that the run was stopped."""
    if not _has_said_stopped.is_set():
        _has_said_stopped.set()
        message = "regraft: stopped. What was fetched is kept; the next run goes on from there."
        print(message, file=sys.stderr, flush=True)
