"""A local web for benchmarks: many distinct JPEGs and dead links, served by one process as fast as Python can."""

import asyncio
import hashlib
import io
import multiprocessing
import os
import socket
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEAD_SHARE = 0.2
PLAIN = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nnot found"


@dataclass(frozen=True)
class Size:
    """Pixels and quality of the pictures."""

    width: int
    height: int
    quality: int


LARGE = Size(640, 480, 82)
"""About 100 kB each: 2.6 bits a pixel, where 840 real photographs behind old links have 2.8 in the mean."""
SMALL = Size(160, 120, 70)
"""About 4 kB each, where only the number of links matters."""


@lru_cache
def film(size: Size) -> NDArray[np.int16]:
    """Photographic grain, (height, width, 1)."""
    return np.random.default_rng(0).integers(-22, 23, (size.height, size.width, 1), dtype=np.int16)


def picture(size: Size, number: int) -> bytes:
    """A JPEG like no other: smooth shapes with photographic grain."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((size.width, size.height), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = np.roll(film(size), int(random.integers(size.width)), axis=1)
    file = io.BytesIO()
    Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=size.quality)
    return file.getvalue()


def is_dead(number: int) -> bool:
    """Whether a link is one of the dead ones; they are spread evenly."""
    return number % 5 == 4


class Answers:
    """What each path is answered with: its ETag, the whole answer, headers included, and the picture's bytes."""

    def __init__(self, count: int, size: Size):
        alive = [number for number in range(count) if not is_dead(number)]
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), spawn) as pool:
            pictures = pool.map(partial(picture, size), alive, chunksize=64)
            self.answers = dict(zip((f"/{number}.jpg" for number in alive), map(_answer, pictures), strict=True))


def _answer(data: bytes) -> tuple[bytes, bytes, int]:
    etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'.encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nETag: %b\r\nContent-Length: %d\r\n\r\n" % (etag, len(data))
    return etag, head + data, len(data)  # copying it for each request would take a fifth of the server's time


class Connection(asyncio.Protocol):
    """One keep-alive connection of the fast server."""

    def __init__(self, answers: Answers, counts: list[int]):
        self._answers, self._counts = answers.answers, counts
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, _, self._head = self._head.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode("latin-1")
            self._transport.write(self._reply(path, head))

    def _reply(self, path: str, head: bytes) -> bytes:
        if path == "/stats":
            body = b"%d %d" % tuple(self._counts)
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        self._counts[0] += 1
        known = self._answers.get(path)
        if known is None:
            return PLAIN
        etag, answer, size = known
        if etag in head:
            return b"HTTP/1.1 304 Not Modified\r\nETag: %b\r\n\r\n" % etag
        self._counts[1] += size
        return answer


async def _serve(answers: Answers) -> None:
    counts = [0, 0]
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(answers, counts), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Answers(int(sys.argv[1]), LARGE if sys.argv[2] == "large" else SMALL)))
