"""A Prefect server for one run, where none is configured.

Prefect would start one by itself, but later, and it would import its server into this process too. Started first, the
server comes up while this process imports what it needs itself (tests/benchmarks/startup.py).
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
from regraft.flows.cli.app import before_exit_at_once
from regraft.flows.cli.prefect_api import configured_url, has_settings_of_its_own, use_writable_home

START_DEADLINE_S = 120
"""Seconds that the server has to start; its first start creates Prefect's database."""
POLL_S = 0.05
ANSWER_DEADLINE_S = 5
UNNEEDED_SERVICES = (
    "SCHEDULER",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "FOREMAN",
    "TRIGGERS",
    "REPOSSESSOR",
)
"""Services of a server that schedules; one run needs none of them."""
_servers: list["subprocess.Popen[bytes]"] = []
"""The server, if this process started one."""
_process_settings = contextlib.ExitStack()
"""Prefect's settings that last as long as this process."""


def start() -> Callable[[], None] | None:
    """Start a server and make this process's Prefect use it; return the function that waits until it answers.

    Returns None where a server is configured: then there is nothing to start or to wait for. The server ends when this
    process does, after Prefect's last messages to it.
    """
    if os.environ.get("PREFECT_API_URL"):
        return None
    atexit.register(stop)  # before Prefect is imported: what is registered first runs last
    before_exit_at_once(stop)
    use_writable_home()
    if has_settings_of_its_own():
        configured_url()  # where Prefect refuses them, no server starts in vain
    port = _free_port()
    server = _start_process(port)
    is_configured = bool(configured_url())
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if is_configured:  # a Prefect profile names one, which only Prefect's import could show
        server.kill()
        return None
    api = f"http://127.0.0.1:{port}/api"
    _process_settings.enter_context(temporary_settings({PREFECT_API_URL: api}))
    return lambda: _wait(server, api)


def stop() -> None:
    """End the server, if this process started one."""
    for server in _servers:
        server.terminate()  # it closes its database by itself; nobody needs to wait for that


def _start_process(port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "regraft.flows.prefect_server", str(port)]
    settings = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    settings |= {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in UNNEEDED_SERVICES}
    environment = {**os.environ, **settings}
    # The pipe closes when this process ends, even where it is killed, and the server with it.
    server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    _servers.append(server)
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: "subprocess.Popen[bytes]", api: str) -> None:
    """Wait until the server answers. Raises StoreError where it ends instead, or takes longer than START_DEADLINE_S."""
    end = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{api}/health", timeout=ANSWER_DEADLINE_S).ok:
                return
        time.sleep(POLL_S)
    raise StoreError(
        "Prefect's temporary server does not start. Look at what `prefect server start` prints, or set PREFECT_API_URL "
        "to a server that runs."
    )
