"""Embedding, training and fine-tuning on a GPU and on the CPU beside it: how fast, and whether they compute the same.

    python tests/benchmarks/gpu.py                  # on drawings
    REGRAFT_WEB=... python tests/benchmarks/gpu.py  # on the photographs behind the replayed web

Each device is measured in a process of its own, since TensorFlow computes on one for the whole of it. Pictures a
second: prepared ones, through the network alone, and those of a store, read and decoded; the first batch is measured
by itself. An epoch of fine-tuning stands beside one of Keras's own `fit` of the same network, on the same pictures,
prepared and in memory; on the GPU it is done twice, to see whether it learns the same again.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import tensorflow as tf
from learning_rows.tuning import plain_epochs_s
from numpy.typing import NDArray
from train import DISTRIBUTIONS, squares_of, world
from trained import trained

from regraft.backbones import device, embedding
from regraft.backbones.backbone import Backbone
from regraft.backbones.keras_import import import_keras
from regraft.backbones.loading import load_backbone
from regraft.config import BackboneSettings, TuneSettings
from regraft.heads import tuning
from regraft.process import usable_cores
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths

Blocks = int | Literal["all"]
BATCHES = (BackboneSettings().batch, 256)
PREPARED = {"cpu": 512, "gpu": 4096}
"""Prepared pictures that a round takes."""
BLOCKS: dict[str, tuple[Blocks, ...]] = {"cpu": (3,), "gpu": (1, 3, "all")}
"""What learns; on the CPU all blocks would take too long."""
ROUNDS = 3
EPOCHS = 4


@dataclass(frozen=True)
class Tuning:
    """Fine-tuning, in seconds an epoch: the first, and the median of the others."""

    first_s: float
    epoch_s: float
    keras_s: float
    val_loss: float
    is_same_again: bool


@dataclass(frozen=True)
class Figures:
    """What one device does with N pictures."""

    device: str
    features: NDArray[np.float32]
    """(N, D)"""
    first_batch_s: float
    prepared: dict[int, float]
    """Pictures a second by the size of a batch."""
    stored: dict[int, float]
    """The same, of a store."""
    training_s: float
    rmse: float
    """In cm, on the test split."""
    answers: NDArray[np.float64]
    """(N,) in cm."""
    tuning: dict[Blocks, Tuning]


def measured(name: str, count: int) -> Figures:
    """What one device does, `cpu` or `gpu`, with so many pictures of each category."""
    import_keras()
    device.use("gpu" if name == "gpu" else "cpu")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/store")
        manifest = world(store, count)
        backbone = load_backbone("efficientnet-lite0")
        squares = squares_of(manifest, backbone, store)
        began = time.perf_counter()
        backbone.features(squares[: BATCHES[0]])
        first_batch_s = time.perf_counter() - began
        features = _features(squares, backbone, BATCHES[0])
        many = squares[np.arange(PREPARED[name]) % len(squares)]
        prepared = {batch: _prepared(many, backbone, batch) for batch in BATCHES}
        stored = {batch: _stored(manifest, store, backbone, batch, f"{folder}/{batch}") for batch in BATCHES}
        training_s, rmse, answers = _training(manifest, features)
        tuned = {blocks: _tuning(manifest, features, store, blocks) for blocks in BLOCKS[name]}
    return Figures(device.description(), features, first_batch_s, prepared, stored, training_s, rmse, answers, tuned)


def _features(squares: NDArray[np.uint8], backbone: Backbone, batch: int) -> NDArray[np.float32]:
    return np.concatenate([backbone.features(squares[i : i + batch]) for i in range(0, len(squares), batch)])


def _prepared(squares: NDArray[np.uint8], backbone: Backbone, batch: int) -> float:
    """Pictures a second through the network alone."""
    backbone.features(squares[:batch])
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        _features(squares, backbone, batch)
        times.append(time.perf_counter() - began)
    return len(squares) / float(np.median(times))


def _stored(manifest: pd.DataFrame, store: Store, backbone: Backbone, batch: int, folder: str) -> float:
    """Pictures a second that are read, decoded, embedded, and their features stored."""
    times = []
    for number in range(ROUNDS):
        copy = Store(f"{folder}-{number}")
        for digest in manifest["digest"]:
            copy.blobs.put(store.blobs.read(digest))
        began = time.perf_counter()
        embedding.embed(manifest["digest"].tolist(), backbone, copy, batch, lambda _: None)
        times.append(time.perf_counter() - began)
    return len(manifest) / float(np.median(times))


def _training(manifest: pd.DataFrame, features: NDArray[np.float32]) -> tuple[float, float, NDArray[np.float64]]:
    """Seconds that the head takes, its RMSE on the test split, and all its answers."""
    began = time.perf_counter()
    head = trained(manifest, features, Lengths(), SyntheticLabels(DISTRIBUTIONS, 0), 0).head
    seconds = time.perf_counter() - began
    rows = head.predictions(manifest, ArrayRows(features))
    rmse = Lengths().errors_of(rows[rows["split"] == "test"]).rmse
    return seconds, rmse, rows["prediction"].to_numpy(np.float64)


def _tuning(manifest: pd.DataFrame, features: NDArray[np.float32], store: Store, blocks: Blocks) -> Tuning:
    settings = TuneSettings(blocks=blocks, epochs=EPOCHS, learning_rate=1e-5)
    turns = [_tuned(manifest, features, store, settings) for _ in range(2 if device.on_gpu() else 1)]
    epochs, weights, losses = zip(*turns, strict=True)
    return Tuning(
        float(epochs[0][0]),
        float(np.median(np.concatenate([each[1:] for each in epochs]))),
        float(np.median(plain_epochs_s(manifest, store, settings, time.perf_counter))),
        losses[0],
        all(np.array_equal(weights[0], each) for each in weights),
    )


def _tuned(
    manifest: pd.DataFrame, features: NDArray[np.float32], store: Store, settings: TuneSettings
) -> tuple[NDArray[np.float64], NDArray[np.float32], float]:
    """Seconds of each epoch, the weights that were learnt, and the last loss on the validation split."""
    backbone, steps = load_backbone("efficientnet-lite0"), tuning.max_steps(manifest, settings) // EPOCHS
    times = [time.perf_counter()]
    result = tuning.tune(
        manifest,
        backbone,
        ArrayRows(features),
        "length",
        store.blobs,
        settings,
        0,
        lambda _: times.append(time.perf_counter()),
    )
    weights = np.concatenate([weight.ravel() for weight in result.backbone.model.get_weights()])
    return np.diff(times[::steps][: EPOCHS + 1]), weights, result.history["tune_val_loss"][-1]


def in_its_own_process(name: str, count: int, folder: Path) -> Figures:
    path = folder / name
    subprocess.run([sys.executable, __file__, "--only", name, "--count", str(count), "--into", path], check=True)
    with path.open("rb") as file:
        figures = pickle.load(file)
    assert isinstance(figures, Figures)
    return figures


def table(cpu: Figures, gpu: Figures) -> None:
    """Print what both do."""
    print(f"{len(gpu.features)} pictures; {usable_cores()} cores, {gpu.device}\n")
    print(f"{'pictures a second':36}{'CPU':>10}{'GPU':>10}{'x':>8}")
    for text, ours, theirs in (
        ("the network alone", gpu.prepared, cpu.prepared),
        ("read and decoded too", gpu.stored, cpu.stored),
    ):
        for batch in BATCHES:
            line = f"{text}, {batch} at a time"
            print(f"{line:36}{theirs[batch]:10.0f}{ours[batch]:10.0f}{ours[batch] / theirs[batch]:8.1f}")
    print(f"{'the first batch, s':36}{cpu.first_batch_s:10.2f}{gpu.first_batch_s:10.2f}")
    print(f"{'training the head, s':36}{cpu.training_s:10.2f}{gpu.training_s:10.2f}")
    print(f"{'RMSE on the test split, cm':36}{cpu.rmse:10.3f}{gpu.rmse:10.3f}\n")
    apart = np.abs(cpu.features - gpu.features)
    print(f"features reach {cpu.features.max():.1f}; apart: {apart.max():.1e} at most, {apart.mean():.1e} in the mean")
    print(f"answers are {np.abs(cpu.answers - gpu.answers).max():.1e} cm apart at most\n")
    print(f"{'an epoch of fine-tuning, s':28}{'CPU':>8}{'GPU':>8}{'first':>8}{'Keras':>8}{'x Keras':>9}")
    for blocks, tuned in gpu.tuning.items():
        beside = cpu.tuning.get(blocks)
        on_cpu = f"{beside.epoch_s:8.1f}" if beside else f"{'-':>8}"
        keras_s = f"{tuned.keras_s:8.2f}{tuned.epoch_s / tuned.keras_s:9.2f}"
        again = "the same again" if tuned.is_same_again else "not the same again"
        losses = f"val_loss {tuned.val_loss:.4f}" + (f", CPU {beside.val_loss:.4f}" if beside else "")
        print(f"{f'blocks={blocks}':28}{on_cpu}{tuned.epoch_s:8.2f}{tuned.first_s:8.1f}{keras_s}   {again}, {losses}")


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--count", type=int, default=420, help="pictures of each category")
    asks.add_argument("--only", choices=("cpu", "gpu"), help=argparse.SUPPRESS)
    asks.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = asks.parse_args()
    if arguments.only:
        with arguments.into.open("wb") as file:
            pickle.dump(measured(arguments.only, arguments.count), file)
        return
    if not tf.config.list_physical_devices("GPU"):
        sys.exit("TensorFlow sees no GPU here, so there is nothing to compare.")
    with tempfile.TemporaryDirectory() as folder:
        table(*(in_its_own_process(name, arguments.count, Path(folder)) for name in ("cpu", "gpu")))


if __name__ == "__main__":
    main()
