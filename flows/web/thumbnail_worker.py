"""The main module of a process that makes thumbnails: what a picture's bytes do to a decoder, they do to it alone."""

import os
import sys
from multiprocessing.connection import Connection

from regraft.errors import RegraftError
from regraft.fetching.own_limits import EXIT_OVERDUE, limit_memory, machine_memory, memory_limit, picture_clock
from regraft.identity import Digest
from regraft.pictures.thumbnails import thumbnail
from regraft.process import prepare_process
from regraft.store.blobs import Blobs
from regraft.store.disk import disk_at

MAX_CPU_S = 10.0
"""CPU seconds that one thumbnail may take."""
Wish = tuple[Digest, int]
"""A picture, and the pixels of the thumbnail's longer side."""
JPEG, REASON = b"J", b"R"
"""The first byte of an answer: a JPEG comes after it, or why there is none. Bytes, so that nothing is unpickled."""


def work(pipe: Connection) -> None:
    """Read from a pipe the store's URL and how many such processes there are, then answer wishes until it closes."""
    store_url, processes = pipe.recv()
    limit_memory(memory_limit(processes, threads=1, machine_bytes=machine_memory()))
    picture_clock.watch(on_overdue=lambda: os._exit(EXIT_OVERDUE), max_s=MAX_CPU_S)
    blobs = Blobs(disk_at(store_url))
    while (wish := _received(pipe)) is not None:
        pipe.send_bytes(_answer(blobs, wish))


def _received(pipe: Connection) -> Wish | None:
    try:
        return pipe.recv()
    except (EOFError, OSError):  # the server has ended
        return None


def _answer(blobs: Blobs, wish: Wish) -> bytes:
    digest, side = wish
    try:
        with picture_clock.running():
            return JPEG + thumbnail(blobs.read(digest), side)
    except (RegraftError, ValueError, OSError, MemoryError) as error:
        return REASON + (str(error) or type(error).__name__).encode(errors="replace")


if __name__ == "__main__":
    prepare_process()
    work(Connection(int(sys.argv[1])))
