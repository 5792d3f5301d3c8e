"""A run that is stopped by hand stops at once, says what is kept, and the next run goes on from there."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from regraft.store.store import Store
from tests.docs_commands import BIN

LIMIT_S = 5.0
"""Two seconds are what is meant and measured; a machine that is busy with other things gets some more."""


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("step", ["fetch", "embed"])
def test_ctrl_c_stops_at_once_and_says_what_is_kept(tmp_path: Path, step: str) -> None:
    command = [str(BIN / "regraft"), "run", "--store", str(tmp_path / "store")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stderr is not None
        messages = ""
        while f"{step} ..." not in messages:
            line = run.stderr.readline()
            assert line, messages
            messages += line
        time.sleep(1)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
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
