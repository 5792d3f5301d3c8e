"""The main module of a fetching process: requests come in through a pipe, findings go out.

It imports little before the process is prepared: what the preparation sets holds for the imports of all that fetches.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from regraft.fetching.own_limits import (
    EXIT_OVERDUE,
    keep_to_core,
    limit_memory,
    machine_memory,
    memory_limit,
    one_core_left,
    picture_clock,
)
from regraft.process import prepare_process

if TYPE_CHECKING:
    from regraft.fetching.fetcher import Fetcher
    from regraft.fetching.settings import WorkerSettings
    from regraft.fetching.waiting import Waiting
    from regraft.links.findings import Finding, Request

SWITCH_S = 0.1
"""How long one of dozens of threads may run before another takes over: with Python's 5 ms they take the interpreter
from each other before anything is done."""
STANDARD_ERROR = 2
"""Its file's number, to which libraries in C print."""
GATHERING_S = 0.02
"""How long findings gather for one message, while there are links under way: each message wakes two processes."""
SILENCE_S = 1.0
"""After so long without a finding it is said what is waited for."""
Message = tuple[list[tuple[int, "Finding"]], "Waiting | None"]
"""Findings by their requests' numbers; or none, and what is waited for."""


def work(pipe: Connection) -> None:
    """Read the worker's settings from a pipe, then fetch and judge what it sends, until it sends None or closes.

    Ends the process: threads may wait on sockets, and nothing that they hold is worth waiting for.
    """
    with one_core_left():
        from regraft.fetching.fetcher import Fetcher

    sys.setswitchinterval(SWITCH_S)
    _silence_decoders()
    findings: queue.SimpleQueue[tuple[int, Finding]] = queue.SimpleQueue()
    settings: WorkerSettings = pipe.recv()
    keep_to_core(settings.place, settings.workers)
    limit_memory(memory_limit(settings.workers, settings.threads, machine_memory()))
    picture_clock.watch(on_overdue=lambda: os._exit(EXIT_OVERDUE))
    fetcher = Fetcher(settings, lambda number, finding: findings.put((number, finding)))
    fetcher.start()
    pipe.send(([], None))  # says that this process is ready
    threading.Thread(target=_send, args=(findings, fetcher, pipe), daemon=True).start()
    while (message := _received(pipe)) is not None:
        for number, request in message:
            fetcher.put(number, request)
    os._exit(0)


def _silence_decoders() -> None:
    """Keep what decoders print off the terminal: libtiff prints a line for each line of a damaged fax."""
    sys.stderr = os.fdopen(os.dup(STANDARD_ERROR), "w", buffering=1)  # what Python prints is still seen
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_ERROR)
    os.close(nowhere)


def _received(pipe: Connection) -> "list[tuple[int, Request]] | None":
    try:
        return pipe.recv()
    except (EOFError, OSError):  # the run has ended, or its process
        return None


def _send(findings: "queue.SimpleQueue[tuple[int, Finding]]", fetcher: "Fetcher", pipe: Connection) -> None:
    while True:
        message = _next_message(findings, fetcher)
        try:
            pipe.send(message)
        except OSError:
            return  # the run has ended, and this process is about to


def _next_message(
    findings: "queue.SimpleQueue[tuple[int, Finding]]",
    fetcher: "Fetcher",
    sleep: Callable[[float], object] = time.sleep,
) -> Message:
    """As many findings as come in together, or what is waited for where there are none for a while."""
    try:
        batch = [findings.get(timeout=SILENCE_S)]
    except queue.Empty:
        return [], fetcher.waiting()
    if not fetcher.is_idle:
        sleep(GATHERING_S)
    while not findings.empty():
        batch.append(findings.get())
    return batch, None


if __name__ == "__main__":
    prepare_process()
    work(Connection(int(sys.argv[1])))
