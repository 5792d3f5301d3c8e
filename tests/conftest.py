"""Shared by all tests: a quiet environment, one Prefect server for those that run flows, and one with a worker."""

import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from regraft import menagerie
from regraft.config import Config
from regraft.process import prepare_process
from regraft.store import versions
from regraft.store.store import Store
from tests.docs_commands import ROOT, commands

PARTS = ("flows", "tasks", "regraft", "deployment.yaml", "automations.yaml", "README.md")
IN_THEIR_OWN_TERMINAL = ("server start", "worker start", "regraft serve")


def pytest_configure() -> None:
    prepare_process()  # as every program of Regraft's does, before any test imports Prefect or TensorFlow


@dataclass(frozen=True)
class Server:
    """A Prefect server of our own, and the folder that it was deployed from."""

    api: str
    folder: Path
    environment: dict[str, str]
    reports: str
    """Where `regraft serve` answers, in place of the port that the README names."""

    def get(self, path: str) -> Any:
        return requests.get(self.api + path, timeout=30).json()

    def find(self, what: str, **criteria: Any) -> Any:
        return requests.post(f"{self.api}/{what}/filter", json=criteria, timeout=30).json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, holds: Any, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {what}")


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        whole = ROOT / part
        shutil.copytree(whole, folder / part) if whole.is_dir() else shutil.copy(whole, folder / part)
    port, reports_port = free_port(), free_port()
    api = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_API_PORT": str(port)}
    environment |= {"PWD": str(folder)}  # as a shell would
    environment |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with ExitStack() as running, open(folder / "log.txt", "wb") as log:
        for command in commands("dashboard"):
            if command.startswith("export PREFECT_API_URL="):
                environment["PREFECT_API_URL"] = api
            elif any(words in command for words in IN_THEIR_OWN_TERMINAL):
                command += f" --port {reports_port}" if "regraft serve" in command else ""
                process = subprocess.Popen(shlex.split(command), cwd=folder, env=environment, stdout=log, stderr=log)
                running.callback(process.wait, 30)
                running.callback(process.terminate)
                until("the server answers", lambda: requests.get(f"{api}/health", timeout=5).ok, 180)
            else:
                subprocess.run(shlex.split(command), cwd=folder, env=environment, stdout=log, stderr=log, check=True)
        yield Server(api, folder, environment, f"http://127.0.0.1:{reports_port}")


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture(scope="session")
def deployment_run(deployed: Server) -> dict[str, Any]:
    """The flow run that the README's last dashboard command started, once it has ended."""
    [run] = deployed.find("flow_runs", deployments={"name": {"any_": ["manual"]}})

    def ended() -> Any:
        told = deployed.get(f"/flow_runs/{run['id']}")
        return told if told["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    return until("the run ends", ended, 300)


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


Regraft = Callable[..., Ran]


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return menagerie.CONFIG.model_copy(update={"store": str(tmp_path_factory.mktemp("menagerie") / "store")})


@pytest.fixture(scope="session")
def first(config: Config, prefect_server: None) -> versions.Version:
    from regraft.flows.refresh import refresh

    return versions.version(Store(config.store), refresh(config))


@pytest.fixture(scope="session")
def regraft(prefect_server: None) -> Regraft:
    from typer.testing import CliRunner

    from regraft.flows.cli import app

    def ran(*words: object) -> Ran:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Ran(result.exit_code, result.stdout, result.stderr)

    return ran
