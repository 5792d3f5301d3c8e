"""No other picture is compared with the features of one that was removed."""

import io

import numpy as np

from regraft.identity import Digest, digest_of
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.store.version import Version
from tests.upkeep.pictured import FEATURES, NAMES
from tests.upkeep.removing import damages, removed


def test_no_other_picture_is_compared_with_its_features(store: Store, digests: list[Digest]) -> None:
    def references() -> list[list[float]]:
        data = Version(Store(store.url), NAMES[0]).read("certainty.npz")
        return np.load(io.BytesIO(data))["references"].tolist()

    first, other = (row.tolist() for row in FEATURES[[0, 3]] / 2)
    nothing = [0.0] * 6
    assert references() == [first, other]
    removed(store, digests[4])  # of the test split
    assert references() == [first, other]
    receipt = removed(store, digests[0])
    assert references() == [nothing, other]
    assert f"versions/{NAMES[0]}/certainty.npz" in receipt.files
    names = Version(Store(store.url), NAMES[0]).table("references.parquet")
    assert names.to_dict("records") == [{"file": "certainty.npz", "row": 1, "digest": digests[3]}]
    removed(store, digests[3])
    assert references() == [nothing, nothing]
    assert damages(Store(store.url)) == []


def test_features_that_nobody_names_are_a_trace(store: Store, digests: list[Digest]) -> None:
    path = f"versions/{NAMES[0]}/certainty.npz"
    before = store.disk.read(path)
    removed(store, digests[0])
    store.disk.write(path, before)  # as from a backup, with a run.json to it
    version = Version(Store(store.url), NAMES[0])
    known = version.run.files | {"certainty.npz": digest_of(before)}
    store.disk.write(f"{version.path}/run.json", version.run.model_copy(update={"files": known}).to_bytes())
    assert damages(Store(store.url)) == [path]
    damages(Store(store.url), repair=True)
    assert damages(Store(store.url)) == []


def test_where_nobody_can_tell_whose_features_they_are_all_go(store: Store, digests: list[Digest]) -> None:
    for name in NAMES:
        predictions = Version(store, name).table("predictions.parquet")
        one_less = parquet(predictions[predictions["digest"] != digests[3]])
        run = Version(store, name).run
        store.disk.write(f"versions/{name}/predictions.parquet", one_less)
        files = run.files | {"predictions.parquet": digest_of(one_less)}
        store.disk.write(f"versions/{name}/run.json", run.model_copy(update={"files": files}).to_bytes())
    removed(Store(store.url), digests[0])
    data = Version(Store(store.url), NAMES[0]).read("certainty.npz")
    assert not np.load(io.BytesIO(data))["references"].any()
    assert damages(Store(store.url)) == []
