"""The command line, called within the tests' process."""

from collections.abc import Callable
from dataclasses import dataclass

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
def regraft() -> Regraft:
    """The command line. Commands that run a flow also want the fixture `prefect_server`."""
    from typer.testing import CliRunner

    from regraft.flows.cli import app

    def run(*words: object) -> Ran:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run
