"""Prefect finds the flows by their path in a checkout and by their importable name."""

import pytest

from tests.docs_commands import ROOT


def name_of_flow(entrypoint: str) -> str:
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(entrypoint).name


@pytest.mark.parametrize("entrypoint", ["flows/refresh.py:refresh", "regraft.flows.refresh:refresh"])
def test_the_refresh_flow_is_found(entrypoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert name_of_flow(entrypoint) == "refresh"


@pytest.mark.parametrize("entrypoint", ["flows/upkeep.py:verify", "regraft.flows.upkeep:verify"])
def test_the_verify_flow_is_found(entrypoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert name_of_flow(entrypoint) == "verify"
