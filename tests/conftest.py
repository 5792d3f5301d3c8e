"""Shared by all tests: a quiet environment, and one Prefect server for those that run flows."""

from collections.abc import Iterator

import pytest

import flows  # noqa: F401  (sets the environment before Prefect is imported)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield
