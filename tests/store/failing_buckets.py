"""Every change of a store in a bucket behind a proxy that fails, at every request that it makes.

`python -m tests.store.failing_buckets [PLACES] [CHANGE...]` prints what was tried and what held, at so many requests of
each change; `test_failing_buckets.py` has a few of each.
"""

import http.client
import os
import socket
import struct
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import requests
import s3fs

from regraft.store.locks import CHAMPION_LOCK, LOCK
from tests.buckets import CREDENTIALS, BucketServer, serving_buckets
from tests.store.faults import CHANGES, World, ended_well, opened
from tests.store.tallies import Tally

CHANGING = ("PUT", "POST", "DELETE")
AT_ONCE = struct.pack("ii", 1, 0)
"""The option by which a socket that is closed sends a reset."""
DELAY_S = 0.5
OF_A_HOP = ("connection", "content-length", "date", "expect", "host", "keep-alive", "server", "transfer-encoding")
"""Headers that are not passed on."""


class Failure(Enum):
    """What becomes of a request."""

    DROPPED = "dropped"
    """Nobody has read it."""
    RESET = "reset"
    """So is the connection."""
    LOST = "lost"
    """It is done, and the answer lost."""
    LATE = "late"
    """The answer takes a while."""
    ERROR = 500
    UNAVAILABLE = 503
    TOO_MANY = 429

    @property
    def is_lasting(self) -> bool:
        """Whether it is tried for good too; an answer that is always late is none."""
        return self is not Failure.LATE


@dataclass(frozen=True)
class Plan:
    """Which request fails, and how."""

    failure: Failure
    at: int
    """The number of the first that fails, among those that change something; the first is 0."""
    lasts: bool = False
    """Whether all requests after it fail too, reading ones among them."""


class FailingProxy:
    """A server that passes requests on to a bucket's, but for those that fail by plan."""

    def __init__(self, endpoint: str):
        proxy = self
        self._address = endpoint.removeprefix("http://")
        self._lock = threading.Lock()
        self._plan: Plan | None = None
        self.count = 0
        """Requests that changed something since the plan was made."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def log_message(self, *words: object) -> None:
                """Nothing is logged."""

            def answer(self) -> None:
                proxy._answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - the names of the standard library

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        """Where it listens."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, plan: Plan | None) -> None:
        """Count requests from now on, and fail by plan."""
        with self._lock:
            self._plan, self.count = plan, 0

    def _failure_of(self, method: str) -> Failure | None:
        with self._lock:
            number = self.count
            self.count += method in CHANGING
            if self._plan is None:
                return None
            is_first = number == self._plan.at and method in CHANGING
            return self._plan.failure if is_first or (self._plan.lasts and number > self._plan.at) else None

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        size = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(size)
        if len(body) < size:  # whoever asked has given up
            request.close_connection = True
            return
        failure = self._failure_of(request.command)
        if failure is Failure.RESET:
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        if failure in (Failure.DROPPED, Failure.RESET):
            request.connection.shutdown(socket.SHUT_RD)
            request.close_connection = True
            return
        if failure is not None and isinstance(failure.value, int):
            request.send_response(failure.value)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        status, headers, data = self._passed_on(request, body)
        if failure is Failure.LOST:
            request.close_connection = True
            return
        if failure is Failure.LATE:
            threading.Event().wait(DELAY_S)
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def _passed_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """The status, headers and body of the bucket's own answer."""
        sent = {name: value for name, value in request.headers.items() if name.lower() not in OF_A_HOP}
        connection = http.client.HTTPConnection(self._address)
        connection.request(request.command, request.path, body, sent | {"Host": request.headers["Host"]})
        answer = connection.getresponse()
        data = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in OF_A_HOP]
        size = answer.headers.get("Content-Length", "0") if request.command == "HEAD" else str(len(data))
        connection.close()
        date = answer.headers.get("Date", "")
        return answer.status, [*headers, ("Content-Length", size), ("Date", date)], data


class FailingBuckets:
    """Buckets behind such a proxy, on which changes are tried."""

    def __init__(self, proxy: FailingProxy):
        self._proxy = proxy

    def new_store(self) -> str:
        """Make a bucket, and return the URL of a store in it."""
        name = f"failing-{uuid.uuid4().hex[:12]}"
        assert requests.put(f"{self._proxy.endpoint}/{name}", timeout=30).ok
        return f"s3://{name}/store"

    def world(self, change: str) -> World:
        """A change, and a store before it and after it; its calls are the requests that change something."""
        world, url = World.of(change, self.new_store()), self.new_store()
        world.begin(url)
        return replace(world, calls=self.changes_of(lambda: CHANGES[change](opened(url))))

    def changes_of(self, work: Callable[[], object]) -> int:
        """Return how many requests some work makes that change something."""
        self._proxy.begin(None)
        work()
        return self._proxy.count

    @contextmanager
    def failing(self, plan: Plan) -> Iterator[None]:
        """Have requests fail by plan as long as this lasts."""
        self._proxy.begin(plan)
        try:
            yield
        finally:
            self._proxy.begin(None)

    def problems(self, world: World, plan: Plan) -> list[str]:
        """Try the change by a plan in a new bucket; return what did not hold."""
        url = self.new_store()
        world.begin(url)
        with self.failing(plan):
            problems = list(ended_well(lambda: CHANGES[world.change](opened(url))))
        for lock in (LOCK, CHAMPION_LOCK) if plan.lasts else ():
            opened(url).disk.delete(lock)  # as its time passes
        return problems + world.problems_afterwards(url)


@contextmanager
def failing_buckets(server: BucketServer) -> Iterator[FailingBuckets]:
    """Have this process reach a server of buckets by a proxy that fails; what fails it asks once more."""
    proxy = FailingProxy(server.endpoint)
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": proxy.endpoint, "AWS_MAX_ATTEMPTS": "2"}
    with patch.dict(os.environ, environment), patch.object(s3fs.S3FileSystem, "retries", 1):
        s3fs.S3FileSystem.clear_instance_cache()  # which remembers the endpoint
        try:
            yield FailingBuckets(proxy)
        finally:
            proxy.close()
            s3fs.S3FileSystem.clear_instance_cache()


def plans(calls: int, failure: Failure, places: int) -> list[Plan]:
    """A failure at so many of a change's requests, once and for good."""
    spread = sorted({int((place + 0.5) * calls / places) for place in range(places)})
    return [Plan(failure, at, lasts) for at in spread for lasts in ((False, True) if failure.is_lasting else (False,))]


def main(places: int, changes: Sequence[str]) -> None:
    """Try changes with every failure, and print a table."""
    tally = Tally("requests", [failure.name for failure in Failure])
    with (
        tempfile.TemporaryDirectory() as folder,
        serving_buckets(Path(folder, "log")) as server,
        failing_buckets(server) as buckets,
    ):
        for change in changes or CHANGES:
            world, problems = buckets.world(change), dict[str, list[list[str]]]()
            for failure in Failure:
                tried = plans(world.calls, failure, min(places, world.calls))
                problems[failure.name] = [
                    [f"{plan}: {text}" for text in buckets.problems(world, plan)] for plan in tried
                ]
            tally.add(change, world.calls, problems)
    tally.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, sys.argv[2:])
