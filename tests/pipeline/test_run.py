"""A run opened: its spec travels, its bench stays, and the store is free again at its end."""

import pickle
from pathlib import Path

import pytest

from regraft import menagerie
from regraft.config import Config
from regraft.errors import LockedError, StoreError
from regraft.identity import Url
from regraft.links.findings import Request
from regraft.pipeline.bench import Bench
from regraft.pipeline.run import open_run
from regraft.store.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return menagerie.CONFIG.model_copy(update={"store": str(tmp_path / "store")})


def test_a_process_has_one_bench_for_a_run(config: Config) -> None:
    with open_run(config) as spec:
        bench = Bench.of(spec)
        assert Bench.of(pickle.loads(pickle.dumps(spec))) is bench
        assert bench.crew is bench.crew
        assert bench.store is bench.store


def test_the_next_run_on_a_store_has_a_bench_of_its_own(config: Config) -> None:
    with open_run(config) as spec:
        before = Bench.of(spec)
    with open_run(config) as spec:
        assert Bench.of(spec) is not before


def test_a_spec_means_the_same_in_another_folder(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_run(config.model_copy(update={"store": "store"})) as spec:
        assert spec.store_url == str(tmp_path / "store")


def test_a_step_that_comes_too_late_finds_its_links_skipped(config: Config) -> None:
    with open_run(config) as spec:
        bench = Bench.of(spec)
    bench.close()  # a second time
    [finding] = bench.crew.fetch(lambda: [Request(Url("http://example.org/a.jpg"))])
    assert finding.outcome == "skipped"
    assert bench.crew.processes == 0


def test_the_store_is_held_while_a_run_is_under_way_and_free_after_it(config: Config) -> None:
    with open_run(config), pytest.raises(LockedError), open_run(config):
        pass
    with open_run(config):
        pass


def test_a_run_that_was_cut_off_is_gone_on_with(config: Config) -> None:
    class CutOff(Exception):
        pass

    with pytest.raises(CutOff), open_run(config, "first") as first:
        raise CutOff
    with open_run(config, "second") as second:
        assert (second.cut_off, second.since) == ("first", first.since)
    with open_run(config, "third") as third:
        assert third.cut_off == ""
        assert third.since > first.since


def test_drafts_last_as_long_as_their_run(config: Config) -> None:
    store = Store(config.store)
    left = Store(config.store).drafts.put(b"of a run that was killed")
    with open_run(config) as spec:
        with pytest.raises(StoreError, match="gone"):
            store.drafts.read(left)
        digest = Bench.of(spec).drafts.put(b"of this run")
        assert store.drafts.read(digest) == b"of this run"
    with pytest.raises(StoreError, match="gone"):
        store.drafts.read(digest)
