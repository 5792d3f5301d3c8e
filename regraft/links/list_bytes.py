"""The bytes of a list: from a file, the web or a bucket, unpacked, and never more than MAX_BYTES of them."""

import contextlib
import gzip
import io
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, assert_never

from regraft.store.disk import is_remote
from regraft.web.answers import Body, Failed
from regraft.web.client import Client

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_BYTES = 2_000_000_000
"""Of a list, unpacked: some twenty million links."""
BLOCK_BYTES = 1 << 20
"""Bytes that are read at a time."""
DEADLINE_S = 60
"""For fetching a list from the web."""
MAX_DETAIL_LENGTH = 200
"""Characters that a message repeats of what a file system says."""
GZIP_MAGIC = b"\x1f\x8b"


class UnusableError(Exception):
    """A list cannot be used; the message goes on from the list's name."""


@contextlib.contextmanager
def open_list(source: str, client: Client) -> Iterator[io.BufferedReader]:
    """Yield the bytes that a path, an http(s) URL or an fsspec URL names, unpacked where gzip has packed them.

    `client` fetches http(s) URLs. Raises UnusableError where the bytes cannot be had, also while they are read.
    """
    with _packed(source, client) as packed:
        if not packed.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
            yield packed
            return
        with gzip.GzipFile(fileobj=packed) as file:
            yield _bounded(file, "is a damaged gzip file")


@contextlib.contextmanager
def _packed(source: str, client: Client) -> Iterator[io.BufferedReader]:
    """The bytes as they are kept."""
    if source.lower().startswith(("http://", "https://")):
        yield _bounded(io.BytesIO(_fetched(source, client)))
        return
    try:
        file = _opened(source)
    except UnusableError:
        raise
    except FileNotFoundError:
        raise UnusableError("is not there. Give its path in the config, or with --list CATEGORY=PATH") from None
    except Exception as error:  # every file system raises its own
        raise UnusableError(f"cannot be read: {_detail(error)}") from error
    with file:
        yield _bounded(file)


def _opened(source: str) -> BinaryIO:
    if not is_remote(source):
        path = os.path.expanduser(source.removeprefix("file://"))
        kind = os.stat(path).st_mode
        if stat.S_ISFIFO(kind):
            raise UnusableError("is a pipe, which can be read only once, and lists are read again. Make it a file.")
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            raise UnusableError("is a device, and no file. Make it a file.")
        return open(path, "rb")
    import fsspec  # takes a while to import, and most lists are files

    return fsspec.open(source, "rb").open()


def _fetched(url: str, client: Client) -> bytes:
    _, answer = client.follow(url, DEADLINE_S)
    match answer:
        case Body():
            return answer.data
        case Failed():
            problem = f"cannot be fetched ({answer.detail})."
            raise UnusableError(f"{problem} Download it by hand and give its path: --list CATEGORY=PATH")
        case _:
            assert_never(answer)


def _detail(error: Exception) -> str:
    """What a file system says of an error, in one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:MAX_DETAIL_LENGTH]


def _bounded(file: BinaryIO | gzip.GzipFile, problem: str = "cannot be read") -> io.BufferedReader:
    return io.BufferedReader(_BoundedFile(file, problem), BLOCK_BYTES)


class _BoundedFile(io.RawIOBase):
    """A file that refuses to be read beyond MAX_BYTES; what else goes wrong in reading is called `problem`."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, problem: str):
        self._file = file
        self._problem = problem
        self._remaining_bytes = MAX_BYTES

    def readable(self) -> bool:
        """Return True, as BufferedReader wants it."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer and return the number of bytes; fewer than the buffer takes only at the file's end."""
        view = memoryview(buffer)
        try:
            data = self._file.read(len(view))
        except UnusableError:
            raise
        except Exception as error:  # every file system raises its own
            raise UnusableError(f"{self._problem}: {_detail(error)}") from error
        self._remaining_bytes -= len(data)
        if self._remaining_bytes < 0:
            raise UnusableError(f"is larger than {MAX_BYTES:,} bytes; split it.")
        view[: len(data)] = data
        return len(data)
