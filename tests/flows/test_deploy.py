"""What `regraft deploy` refuses before it asks a Prefect server for anything."""

import contextlib
import os
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from regraft.errors import ConfigError
from regraft.flows.cli.deploy import check_closed, deploy_files
from regraft.process import ENVIRONMENT
from tests.docs_commands import BIN, ROOT
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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("deployments: [", "is not YAML"),
        ("", "lists no deployments"),
        ("- manual", "lists no deployments"),
        ("deployments:", "lists no deployments"),
        ("deployments: [manual]", "lists no deployments"),
        ("deployments: [{entrypoint: regraft.flows.refresh:refresh}]", "lists no deployments"),
    ],
)
def test_a_file_that_lists_no_deployments_is_refused_before_the_server_is_asked(
    tmp_path: Path, text: str, problem: str
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    file = tmp_path / "deployment.yaml"
    file.write_text(text)
    nobody = {PREFECT_API_URL: "http://127.0.0.1:9/api"}
    with temporary_settings(nobody), pytest.raises(ConfigError, match=f"deployment.yaml {problem}"):
        list(deploy_files(file, ROOT / "automations.yaml", "regraft"))


def test_a_worker_has_the_defaults_of_every_process() -> None:
    """But for those that only a server reads."""
    defaults = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("PREFECT_SERVER_")}
    for deployment in yaml.safe_load((ROOT / "deployment.yaml").read_bytes())["deployments"]:
        assert deployment["work_pool"]["job_variables"]["env"] == defaults
