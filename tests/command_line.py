"""The command line, called within the tests' process."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


Regraft = Callable[..., Ran]
"""Runs `regraft` with these words."""


@pytest.fixture(scope="session")
def prefect_logging() -> None:
    """Prefect's logging, set up while sys.stderr is pytest's.

    Prefect closes all handlers when it first sets up its own. The handler that TensorFlow's absl installs then closes
    the stream that it was made with, unless that is sys.stderr at the moment. Within a CliRunner it is not: pytest
    would lose its stream ("lost sys.stderr").
    """
    from prefect.logging.configuration import setup_logging

    setup_logging()


@pytest.fixture(scope="session")
def regraft(prefect_logging: None, tmp_path_factory: pytest.TempPathFactory) -> Regraft:
    """The command line. Commands that run a flow also want the fixture `prefect_server`.

    It is not called in the repository, whose folder a run would make remember a test's store.
    """
    from typer.testing import CliRunner

    from regraft.flows.cli import app

    repository, elsewhere = Path.cwd(), tmp_path_factory.mktemp("here")

    def run(*words: object) -> Ran:
        with contextlib.chdir(elsewhere) if Path.cwd() == repository else contextlib.nullcontext():
            result = CliRunner().invoke(app, [str(word) for word in words])
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run
