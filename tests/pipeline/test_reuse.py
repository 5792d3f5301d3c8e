"""A model is used again where nothing that it is made from has changed, and only where all of it is whole."""

from pathlib import Path

import pandas as pd
import pytest

from regraft import menagerie
from regraft.identity import digest_of
from regraft.pipeline.reuse import MODEL_FILES, model_fingerprint, reusable_version
from regraft.store import versions
from regraft.store.store import Store
from tests.records import metrics_record, run_record

VERSION = "20260101T000000Z"
MANIFEST = pd.DataFrame({"digest": ["a"], "category": ["cat"], "cluster": ["a"], "split": ["test"], "label": [1.0]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a version of the menagerie's job."""
    store = Store(str(tmp_path))
    files = {name: name.encode() for name in MODEL_FILES} | {"metrics.json": metrics_record().to_bytes()}
    run = run_record(
        files={name: digest_of(data) for name, data in files.items()},
        model_fingerprint=model_fingerprint(MANIFEST, menagerie.CONFIG),
    )
    versions.publish(store, VERSION, files | {"run.json": run.to_bytes()})
    return store


def test_the_model_of_an_unchanged_job_is_used_again(store: Store) -> None:
    version = reusable_version(MANIFEST, menagerie.CONFIG, store)
    assert version is not None
    assert version.name == VERSION
    assert reusable_version(MANIFEST.assign(label=2.0), menagerie.CONFIG, store) is None
    assert reusable_version(MANIFEST.assign(cluster="b"), menagerie.CONFIG, store) is None


@pytest.mark.parametrize("file", [*MODEL_FILES, "run.json"])
@pytest.mark.parametrize("how", ["rotten", "gone"])
def test_no_damaged_file_goes_into_another_version(
    file: str, how: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"versions/{VERSION}/{file}"
    if how == "rotten":
        store.disk.write(path, b"rot")
    else:
        store.disk.delete(path)
    assert reusable_version(MANIFEST, menagerie.CONFIG, store) is None
    if versions.names(store):
        assert "model is not used again" in caplog.text
        assert file in caplog.text


def test_a_store_without_versions_has_no_model(tmp_path: Path) -> None:
    assert reusable_version(MANIFEST, menagerie.CONFIG, Store(str(tmp_path))) is None
