"""A run that is stopped by hand stops at once, says what is kept, and the next run goes on from there."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from regraft.store.store import Store
from tests.docs_commands import BIN
from tests.processes import until, without_prefect

LIMIT_S = 5.0
"""Two seconds are what is meant and measured; a machine that is busy with other things gets some more."""


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("step", "number"), [("fetch", signal.SIGINT), ("embed", signal.SIGINT), ("fetch", signal.SIGTERM)]
)
def test_a_signal_stops_at_once_and_says_what_is_kept(tmp_path: Path, step: str, number: signal.Signals) -> None:
    command = [str(BIN / "regraft"), "run", "--store", str(tmp_path / "store")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stderr is not None
        messages = ""
        while f"{step} ..." not in messages:
            line = run.stderr.readline()
            assert line, messages
            messages += line
        time.sleep(1)
        os.killpg(run.pid, number)  # as a terminal does
        began = time.monotonic()
        messages += run.stderr.read()
        run.wait(30)
        seconds = time.monotonic() - began
    print(f"stopped in {seconds:.1f} s: {messages[-300:]}")
    assert run.returncode == 130
    assert re.search(r"stopped\. What was fetched is kept", messages)
    assert seconds < LIMIT_S
    with Store(str(tmp_path / "store")).run():
        pass  # the store is free for the next run


STARTED = """
import os, time
from regraft.process import prepare_process
prepare_process()
from regraft.flows.cli import temporary_server
wait_for_server = temporary_server.start()
wait_for_server()
print(temporary_server._servers[0].pid, flush=True)
time.sleep(600)
"""


@pytest.mark.server
def test_the_temporary_server_dies_with_the_run_that_started_it(tmp_path: Path) -> None:
    environment = without_prefect(PREFECT_HOME=str(tmp_path))
    command = [sys.executable, "-c", STARTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        assert is_alive(pid)
        run.kill()  # nobody is told
    until("the server has ended", lambda: not is_alive(pid), 30)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False
