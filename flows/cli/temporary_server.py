"""A Prefect server for one run, where none is configured.

Prefect would start one by itself, but later, and for that it imports its server into this process too. Started first,
it comes up while this process imports what it needs itself (tests/benchmarks/startup.py).
"""

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import requests

from regraft.errors import StoreError

UP_S = 120
"""Seconds that a start may take; the first one creates Prefect's database."""
IDLE = ("SCHEDULER", "LATE_RUNS", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP", "FOREMAN", "TRIGGERS", "REPOSSESSOR")
"""Services of a server that schedules; one run needs none of them."""


def start() -> Callable[[], None] | None:
    """Start a server where none is configured, and lead this process's Prefect to it; return what waits for it.

    Where one is configured there is nothing to wait for, and None is returned.

    It ends when this process does, after Prefect's own last words to it.
    """
    if os.environ.get("PREFECT_API_URL"):
        return None
    atexit.register(end)  # before Prefect is imported: what is registered first runs last
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "prefect.server.api.server:create_app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "critical",
    ]
    told = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    told |= {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in IDLE}
    process = subprocess.Popen(command, env={**os.environ, **told}, stderr=subprocess.DEVNULL)
    _started.append(process)
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    if get_current_settings().api.url:  # a profile of Prefect's names one, which could not be known before
        process.kill()
        return None
    api = f"http://127.0.0.1:{port}/api"
    _FOR_GOOD.enter_context(temporary_settings({PREFECT_API_URL: api}))
    return lambda: _wait(process, api)


_started: list["subprocess.Popen[bytes]"] = []
"""The server, if this process started one."""
_FOR_GOOD = contextlib.ExitStack()
"""Settings that last as long as this process."""


def end() -> None:
    """End the server, if this process started one."""
    for process in _started:
        process.terminate()  # it closes its database by itself; nobody needs to wait for that


def _wait(process: "subprocess.Popen[bytes]", api: str) -> None:
    """Wait until the server answers. Raises StoreError where it ends instead, or takes longer than UP_S."""
    end = time.monotonic() + UP_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{api}/health", timeout=5).ok:
                return
        time.sleep(0.05)
    raise StoreError(
        "Prefect's temporary server does not start. Look at what `prefect server start` says, or point PREFECT_API_URL "
        "at a server that runs."
    )
