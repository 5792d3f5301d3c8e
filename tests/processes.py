"""Ports and waiting, for tests that start processes."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import requests

T = TypeVar("T")


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, holds: Callable[[], T | None], seconds: float) -> T:
    """Call `holds` until it returns something true, and return that. A server that does not answer counts as false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if result := holds():
                return result
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}")


def until_healthy(api: str) -> None:
    """Wait until a Prefect server answers."""
    until(f"{api} answers", lambda: requests.get(f"{api}/health", timeout=5).ok, 180)


def without_prefect(**more: str) -> dict[str, str]:
    """This process's environment without Prefect's settings and make's own, and with the variables that are named."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MAKE", "MFLAGS"))}
    return plain | {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"} | more


def end(process: "subprocess.Popen[bytes]", patience_s: float = 20) -> None:
    """Ask a process to end, and end it where it does not: a worker waits for the runs that it has begun."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
