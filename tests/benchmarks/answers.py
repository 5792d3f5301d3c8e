"""What servers say, as Regraft's client and urllib3 understand it: the cases of tests/web, and CPU a request.

PYTHONPATH=. python tests/benchmarks/answers.py
"""

import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import urllib3

from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import Script, Talk, ok, serving
from tests.web.answers import Outcome, outcome_of
from tests.web.test_encodings import ENCODED
from tests.web.test_http import CLOSES, STAYS_OPEN

DEADLINE_S = 2.0
REQUESTS = 2_000
ROUNDS = 3
Get = Callable[[str], Outcome]


def regraft(port: int) -> Get:
    client = Client(Guard([f"127.0.0.1:{port}"]), max_bytes=100_000)

    return lambda url: outcome_of(client, url, DEADLINE_S)


def bare(port: int) -> Get:
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(DEADLINE_S), retries=False)

    def get(url: str) -> Outcome:
        try:
            response = pool.request("GET", url, redirect=False, preload_content=False)
        except (urllib3.exceptions.HTTPError, ValueError):
            return Outcome("unreachable", 0, None)
        try:
            return Outcome("", response.status, response.read(decode_content=True))
        except (urllib3.exceptions.HTTPError, ValueError):
            return Outcome("truncated", response.status, None)

    return get


def is_right(outcome: Outcome, expected: Outcome) -> bool:
    """Whether a picture is the right one, and a failure has the right status; reasons are Regraft's own words."""
    if expected.data is not None:
        return (outcome.status, outcome.data) == (expected.status, expected.data)
    return outcome.status == expected.status and (outcome.data is None or outcome.status != 200)


def cases() -> Iterator[tuple[str, Script, Outcome]]:
    """The kind of each case, what the server does, and what its answer comes to."""

    def waiting(data: bytes) -> Script:
        def script(talk: Talk) -> None:
            talk.say(data)
            talk.wait(2 * DEADLINE_S)

        return script

    def closing(data: bytes) -> Script:
        return lambda talk: talk.say(data)

    for data, expected in STAYS_OPEN.values():
        yield "heads and framing", waiting(data), expected
    for data, expected in CLOSES.values():
        yield "ends of connections", closing(data), expected
    for encoding, body, expected in ENCODED.values():
        yield "encodings", closing(ok(body, f"Content-Encoding: {encoding}")), expected


def held() -> None:
    """Print how many cases each client understands."""
    clients = {"regraft": regraft, "urllib3": bare}
    counts: dict[str, dict[str, int]] = {}
    for kind, script, expected in cases():
        row = counts.setdefault(kind, dict.fromkeys(["tried", *clients], 0))
        row["tried"] += 1
        for name, client in clients.items():
            with serving(script) as server:
                row[name] += is_right(client(server.port)(server.url), expected)
    print(f"{'answers':22}{'tried':>8}" + "".join(f"{name:>10}" for name in clients))
    for kind, row in counts.items():
        print(f"{kind:22}{row['tried']:8}" + "".join(f"{row[name]:10}" for name in clients))


def cpu() -> None:
    """Print the CPU of a request on a kept connection, in turn, in the median."""

    def script(talk: Talk) -> None:
        while True:
            talk.say(ok(b"\xff\xd8\xff" + bytes(2000), 'ETag: "x"', "Content-Type: image/jpeg"))
            if not talk.socket.recv(4096):
                return

    with serving(script) as server:
        clients = {"regraft": regraft(server.port), "urllib3": bare(server.port)}
        costs: dict[str, list[float]] = {name: [] for name in clients}
        for _ in range(ROUNDS):
            for name, get in clients.items():
                began = time.thread_time()
                for _ in range(REQUESTS):
                    get(server.url)
                costs[name].append((time.thread_time() - began) / REQUESTS)
    print("\n" + "  ".join(f"{name}: {1000 * statistics.median(turns):.2f} ms" for name, turns in costs.items()))


if __name__ == "__main__":
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    sys.setswitchinterval(0.1)
    held()
    cpu()
