"""Pictures put into the wrong list: how many are found, and how many others are called so, against cleanlab.

    python tests/benchmarks/misfiled.py                  # on drawings
    REGRAFT_WEB=... python tests/benchmarks/misfiled.py  # on the photographs behind the replayed web

cleanlab, https://github.com/cleanlab/cleanlab, gets the same features, as out-of-fold probabilities of the same softmax
regression (five folds), and uses confident learning, its default. The first row plants nothing: what is called misfiled
there is either a mistake or was in the wrong list from the start. It needs: pip install cleanlab.
"""

import argparse
import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from train import world

from regraft.backbones import embedding
from regraft.backbones.loading import load_backbone
from regraft.config import HeadSettings
from regraft.dataset.neighbours import find_misfiled
from regraft.heads.softmax import fit_softmax
from regraft.heads.training_data import TrainingData
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store

FOLDS = 5
SHARES = (0.0, 0.01, 0.05, 0.1)


def regrafts_way(manifest: pd.DataFrame, features: np.ndarray) -> set[str]:
    """The digests that are called misfiled."""
    return set(find_misfiled(manifest, ArrayRows(features)).misfiled["digest"])


def cleanlabs_way(manifest: pd.DataFrame, features: np.ndarray) -> set[str]:
    """The digests whose category is called wrong."""
    names = sorted(manifest["category"].unique())
    category_index = manifest["category"].map(names.index).to_numpy()
    x = ((features - features.mean(axis=0)) / np.sqrt(np.maximum(features.var(axis=0), 1e-3))).astype(np.float32)
    fold = np.random.default_rng(0).integers(0, FOLDS, len(x))
    probabilities = np.zeros((len(x), len(names)))
    for number in range(FOLDS):
        is_out, is_validation = fold == number, fold == (number + 1) % FOLDS
        train, validation = np.flatnonzero(~is_out & ~is_validation), np.flatnonzero(is_validation)
        softmax, _ = fit_softmax(TrainingData(ArrayRows(x), category_index, train, validation), HeadSettings())
        probabilities[is_out] = softmax.probabilities(x[is_out])
    return set(manifest.loc[find_label_issues(category_index, probabilities, n_jobs=1), "digest"])


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--count", type=int, default=420, help="pictures of each category")
    asks.add_argument("--rounds", type=int, default=10)
    options = asks.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        manifest, backbone = world(store, options.count), load_backbone("efficientnet-lite0")
        embedding.embed(manifest["digest"].tolist(), backbone, store, 32, lambda _: None)
        rows = embedding.lookup(manifest["digest"].tolist(), backbone.fingerprint, store)
        features = rows.read(np.arange(len(rows)))
    first, second = sorted(manifest["category"].unique())
    other = manifest["category"].map({first: second, second: first})
    print(
        f"{len(manifest)} pictures, efficientnet-lite0, {options.rounds} rounds; each picture is moved with this chance"
    )
    print(f"{'moved':>6}{'':12}{'found':>8}{'others called so':>18}{'seconds':>9}")
    for share in SHARES:
        for name, way in {"Regraft": regrafts_way, "cleanlab": cleanlabs_way}.items():
            counts, others, began = [], [], time.monotonic()
            for seed in range(options.rounds if share else 1):
                moved = np.random.default_rng(seed).random(len(manifest)) < share
                called = way(manifest.assign(category=manifest["category"].mask(moved, other)), features)
                planted = set(manifest.loc[moved, "digest"])
                counts.append((len(called & planted), len(planted)))
                others.append(len(called - planted))
            hits, planted_count = np.array(counts).sum(axis=0)
            seconds = (time.monotonic() - began) / len(counts)
            ratio = f"{hits / planted_count:.1%}" if planted_count else ""
            print(f"{share:6.0%}  {name:10}{ratio:>8}{np.mean(others):18.1f}{seconds:9.2f}")


if __name__ == "__main__":
    main()
