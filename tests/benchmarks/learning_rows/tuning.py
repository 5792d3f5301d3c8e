"""Fine-tuning: what it brings where labels go with what a frozen backbone sees badly, and what an epoch takes.

The label is how far a photograph is zoomed in; RMSE on the test split by that of the categories' means (below 1:
better), frozen and tuned, the head trained in the same way on both. Then seconds of processor time of an epoch after
the first, beside Keras's own `fit` of the same network on the same pictures, prepared and in memory: medians of rounds
in turn. Settings were chosen on drawn gratings, see tests/heads/test_tuning.py.
"""

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from photographs import FOLDERS, MIN_ZOOM, Photographs
from PIL import Image
from trained import trained

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.backbones.loading import load_backbone
from regraft.config import TuneSettings
from regraft.heads import tuning
from regraft.pictures.colours import rgb
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths

DRAWS = 1
COUNT = 210
"""Photographs of each category."""
TIMED = 48
"""Photographs that an epoch is timed on."""
ROUNDS = 2
SETTINGS = TuneSettings(blocks=3, epochs=6, learning_rate=1e-4)


def lines(_: Photographs, draws: int) -> Iterator[str]:
    for seed in range(draws):
        with tempfile.TemporaryDirectory() as folder:
            yield from _zoom_lines(Store(folder), seed)
    with tempfile.TemporaryDirectory() as folder:
        yield from _epoch_lines(Store(folder))


def _zoom_lines(store: Store, seed: int) -> Iterator[str]:
    manifest, backbone = _zoomed(store, COUNT, seed), load_backbone("efficientnet-lite0")
    features = _features(manifest, backbone, store)
    frozen = _ratio(manifest, features, seed)
    tuned = tuning.tune(manifest, backbone, features, "length", store.blobs, SETTINGS, seed, lambda _: None)
    ratio = _ratio(manifest, _features(manifest, tuned.backbone, store), seed)
    losses = ", ".join(f"{loss:.3f}" for loss in tuned.history["tune_val_loss"])
    yield f"zoom, {len(manifest)} images, draw {seed}: frozen {frozen:.3f}, tuned {ratio:.3f}   (val_loss {losses})"


def _zoomed(store: Store, count: int, seed: int) -> pd.DataFrame:
    """The middle of so many photographs of each category, in the store, and their manifest."""
    random = np.random.default_rng(seed)
    rows = []
    for category, name in FOLDERS.items():
        paths = sorted((Path(os.environ["REGRAFT_WEB"]) / "photos" / name).glob("*.jpg"))
        for number, path in enumerate(random.permutation(np.array(paths))[:count]):
            picture, share = rgb(path.read_bytes(), 448), random.uniform(MIN_ZOOM, 1)
            height, width = picture.shape[:2]
            side = int(share * min(height, width))
            top, left = (height - side) // 2, (width - side) // 2
            file = io.BytesIO()
            Image.fromarray(picture[top : top + side, left : left + side]).save(file, "PNG")
            split = ("train", "train", "train", "validation", "test")[number % 5]
            rows.append((store.blobs.put(file.getvalue()), category, split, 100 * share))
    manifest = pd.DataFrame(rows, columns=["digest", "category", "split", "label"])
    return manifest.drop_duplicates("digest", ignore_index=True).assign(cluster=lambda rows: rows["digest"])


def _features(manifest: pd.DataFrame, backbone: Backbone, store: Store) -> ArrayRows:
    blocks = np.array_split(manifest["digest"].to_numpy(), -(-len(manifest) // 32))
    return ArrayRows(np.concatenate([features_of([rgb(store.blobs.read(d)) for d in b], backbone) for b in blocks]))


def _ratio(manifest: pd.DataFrame, features: ArrayRows, seed: int) -> float:
    """RMSE on the test split by that of the categories' means."""
    real = SyntheticLabels(dict.fromkeys(FOLDERS), seed)
    head = trained(manifest, features.array, Lengths(), real, seed).head
    rows = head.predictions(manifest, features)
    test = rows[rows["split"] == "test"]
    means = manifest[manifest["split"] != "test"].groupby("category")["label"].mean()
    by_means = float(np.sqrt(np.mean((test["label"] - test["category"].map(means)) ** 2)))
    return Lengths().errors_of(test).rmse / by_means


def _epoch_lines(store: Store) -> Iterator[str]:
    manifest = _zoomed(store, TIMED // 2, 0)
    manifest["split"] = np.where(np.arange(len(manifest)) % 6 == 0, "validation", "train")
    for blocks in (1, 3, "all"):
        settings = TuneSettings(blocks=blocks, epochs=4, learning_rate=1e-5)
        rounds = [
            (_our_epochs_s(manifest, store, settings), plain_epochs_s(manifest, store, settings)) for _ in range(ROUNDS)
        ]
        ours, plain = (float(np.median(np.concatenate(times))) for times in zip(*rounds, strict=True))
        yield f"an epoch of blocks={blocks}: {ours:.1f} s, Keras's fit {plain:.1f} s, ratio {ours / plain:.2f}"


def _our_epochs_s(manifest: pd.DataFrame, store: Store, settings: TuneSettings) -> NDArray[np.float64]:
    """Processor time of each epoch after the first."""
    backbone, times = load_backbone("efficientnet-lite0"), list[float]()
    features = _features(manifest, backbone, store)
    tuning.tune(
        manifest, backbone, features, "length", store.blobs, settings, 0, lambda _: times.append(time.process_time())
    )
    steps = tuning.max_steps(manifest, settings) // settings.epochs
    return np.diff(times[steps - 1 :: steps][: settings.epochs])


def plain_epochs_s(
    manifest: pd.DataFrame, store: Store, settings: TuneSettings, clock: Callable[[], float] = time.process_time
) -> NDArray[np.float64]:
    """Seconds of each epoch after the first of Keras's own `fit`, by a clock."""
    backbone, ends = load_backbone("efficientnet-lite0"), list[float]()
    tuning._set_trainable(backbone.model, settings.blocks, from_scratch=False)
    joint = keras.Model(backbone.model.input, keras.layers.Dense(1)(backbone.model.output))
    joint.compile(keras.optimizers.Adam(settings.learning_rate), "mse", jit_compile=False)
    x, y = _arrays(manifest, "train", backbone, store), _arrays(manifest, "validation", backbone, store)
    after_epoch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(clock()))
    joint.fit(*x, settings.batch, settings.epochs, validation_data=y, verbose=0, callbacks=[after_epoch])
    return np.diff(ends)


def _arrays(manifest: pd.DataFrame, split: str, backbone: Backbone, store: Store) -> tuple[Any, Any]:
    rows = manifest[manifest["split"] == split]
    squares = [backbone.prepare(rgb(store.blobs.read(digest), backbone.side)) for digest in rows["digest"]]
    return np.stack(squares).astype(np.float32), rows["label"].to_numpy(np.float32)
