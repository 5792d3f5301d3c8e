"""Connecting to whichever of a name's addresses answers first: https://www.rfc-editor.org/rfc/rfc8305 (happy eyeballs).

One address after the other, the first that drops packets would take all the time that there is.
"""

import errno
import math
import os
import select
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

ATTEMPT_DELAY_S = 0.25
"""Seconds that an address gets at most before the next one is tried too: RFC 8305, section 5."""
MAX_ADDRESSES = 16
"""Addresses of a name that are tried at most: as many as begin within the usual seconds for a connection."""
THIS_MACHINES_ERRORS = (
    *(errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL),  # no network
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),  # no files, no memory
)
"""Error numbers that blame this machine, not the server."""
AddressInfo = tuple[Any, ...]
"""What `socket.getaddrinfo` returns for one address: family, kind, protocol, canonical name, address."""


def first_connected(
    addresses: Sequence[AddressInfo], timeout_s: float, options: Iterable[tuple[Any, ...]] = ()
) -> socket.socket:
    """Return a socket that is connected to one of some addresses within `timeout_s`, with its `options` set.

    The families take turns, and each address gets ATTEMPT_DELAY_S before the next one is tried beside it; less where
    not all of them would be tried in half of the time. Raises OSError where none answers, TimeoutError where none does
    in time.
    """
    race = _Race(_in_turns(addresses)[:MAX_ADDRESSES], options, timeout_s)
    try:
        return race.winner()
    finally:
        race.close()


class _Race:
    """Attempts to connect that run side by side."""

    def __init__(self, addresses: Sequence[AddressInfo], options: Iterable[tuple[Any, ...]], timeout_s: float):
        self._waiting = deque(addresses)
        self._options = list(options)
        self._end = time.monotonic() + timeout_s
        self._delay_s = min(ATTEMPT_DELAY_S, timeout_s / (2 * len(addresses)))
        self._next_start = 0.0
        self._attempts: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._failures: list[OSError] = []

    def winner(self) -> socket.socket:
        """Return the first socket that is connected. Raises OSError."""
        while self._waiting or self._attempts:
            now = time.monotonic()
            if now >= self._end:
                raise TimeoutError("none of its addresses answers in time")
            if self._waiting and (now >= self._next_start or not self._attempts):
                self._start(self._waiting.popleft())
                self._next_start = now + self._delay_s
            until = min(self._next_start, self._end) if self._waiting else self._end
            winner = self._connected(until - now) if self._attempts else None
            if winner is not None:
                winner.setblocking(True)
                return winner
        raise min(self._failures, key=lambda error: error.errno in THIS_MACHINES_ERRORS)

    def close(self) -> None:
        """Close what has not won."""
        for attempt in self._attempts.values():
            attempt.close()

    def _start(self, info: AddressInfo) -> None:
        family, kind, protocol, _, address = info
        try:
            attempt = socket.socket(family, kind, protocol)
        except OSError as error:
            self._failures.append(error)
            return
        self._attempts[attempt.fileno()] = attempt
        self._poll.register(attempt, select.POLLOUT)
        try:
            for option in self._options:
                attempt.setsockopt(*option)
            attempt.setblocking(False)
            attempt.connect(address)
        except BlockingIOError:
            pass  # under way
        except OSError as error:
            self._fail(attempt, error)

    def _connected(self, timeout_s: float) -> socket.socket | None:
        """A socket that is connected within so many seconds, if there is one; attempts that fail are given up."""
        for number, _ in self._poll.poll(math.ceil(timeout_s * 1000)):
            attempt = self._attempts[number]
            error_number = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not error_number:
                return self._attempts.pop(number)
            self._fail(attempt, OSError(error_number, os.strerror(error_number)))
        return None

    def _fail(self, attempt: socket.socket, error: OSError) -> None:
        """Give an attempt up, and let the next one begin at once."""
        self._failures.append(error)
        self._poll.unregister(attempt)
        del self._attempts[attempt.fileno()]
        attempt.close()
        self._next_start = 0.0


def _in_turns(addresses: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Addresses, the families by turns, beginning with the first one's: RFC 8305, section 4."""
    families = dict.fromkeys(info[0] for info in addresses)
    by_family = [[info for info in addresses if info[0] == family] for family in families]
    return [info for info in chain.from_iterable(zip_longest(*by_family)) if info is not None]
