"""What `regraft deploy` refuses before it asks a Prefect server for anything."""

import contextlib
import os
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from regraft.errors import ConfigError
from regraft.flows.cli.deploy import check_closed
from tests.docs_commands import BIN
from tests.processes import without_prefect


@pytest.mark.server
def test_nothing_is_deployed_to_a_server_that_is_open_to_others() -> None:
    """127.1 leads to the loopback address but does not look like it: it stands for an address in the network."""
    with open_server(200) as port:
        check_closed(f"http://127.0.0.1:{port}/api")  # it listens on the loopback address only
        with pytest.raises(ConfigError, match="answers whoever asks"):
            check_closed(f"http://127.1:{port}/api")
        with pytest.raises(ConfigError, match="answers whoever asks"):
            check_closed(f"http://127.0.0.1:{port}/api", find_address=lambda: "127.1")
    with open_server(401) as port:
        check_closed(f"http://127.1:{port}/api")
        check_closed(f"http://127.0.0.1:{port}/api", find_address=lambda: "127.1")
    check_closed("http://127.0.0.1:9/api", find_address=lambda: "127.1")  # nobody can reach it there
    with pytest.raises(ConfigError, match="does not answer"):
        check_closed("http://127.1:9/api")


@contextlib.contextmanager
def open_server(status: int) -> Any:
    """A server on the loopback address that answers every request so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_deploy_says_what_to_do_where_there_is_no_server() -> None:
    environment = without_prefect(PREFECT_HOME=os.devnull + "/none")
    command = [str(BIN / "regraft"), "deploy"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.returncode == 2, ran.stderr
    assert "prefect server start" in ran.stderr
