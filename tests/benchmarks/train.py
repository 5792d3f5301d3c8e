"""Training on features computed once, against the tutorial's way; embedding against TensorFlow and other engines.

    python tests/benchmarks/train.py                  # both tables, on drawings
    REGRAFT_WEB=... python tests/benchmarks/train.py  # the same on the photographs behind the replayed web

The tutorial's way runs the frozen backbone in every training step: batches of 6, Dense 256 relu, Dense 1, RMSProp
0.001, mean squared error. Both ways have the same backbone, images, labels and splits. Regraft trains to its end; the
tutorial's way goes on until its RMSE on the test split is as low, time spent measuring that does not count, or until
the cap; on the way it is noted when it came within a tenth of the oracle's. Engines that are not installed are left
out: pip install openvino onnxruntime tf2onnx.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from regraft.backbones import embedding
from regraft.backbones.backbone import Backbone
from regraft.backbones.loading import load_backbone
from regraft.backbones.stderr import muted_stderr
from regraft.config import HeadSettings, Normal, SplitSettings
from regraft.dataset import labels, splits
from regraft.heads.training import train as train_head
from regraft.pictures.colours import rgb
from regraft.store.store import Store
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.oracle import oracle_errors

DISTRIBUTIONS = {"tiger": Normal(mean=100, std=30, min=20), "cat": Normal(mean=40, std=8, min=10)}
NEAR = 1.1
"""Times the oracle's RMSE that is good enough."""
STEP, BATCH = 25, 6


def world(store: Store, count: int) -> pd.DataFrame:
    """Put so many pictures of each category into the store; return their manifest."""
    if web := os.environ.get("REGRAFT_WEB"):
        folders = {"tiger": "tiger", "cat": "kittycat"}
        paths = {c: sorted((Path(web) / "photos" / folder).glob("*.jpg"))[:count] for c, folder in folders.items()}
        data = {category: [path.read_bytes() for path in part] for category, part in paths.items()}
    else:
        from regraft.menagerie.drawing import drawing, encoded

        data = {c: [encoded(drawing(c, f"bench-{i}"), "JPEG") for i in range(count)] for c in DISTRIBUTIONS}
    rows = sorted({(store.blobs.put(picture), category) for category, each in data.items() for picture in each})
    manifest = pd.DataFrame(rows, columns=["digest", "category"]).drop_duplicates("digest", ignore_index=True)
    manifest["cluster"] = manifest["digest"]
    pairs = list(zip(manifest["category"], manifest["digest"], strict=True))
    manifest["split"] = [splits.split_of(SplitSettings(), 0, c, d) for c, d in pairs]
    manifest["label"] = [labels.label_of(DISTRIBUTIONS[c], 0, c, d) for c, d in pairs]
    return manifest


def squares_of(manifest: pd.DataFrame, backbone: Backbone, store: Store) -> np.ndarray:
    return np.stack([backbone.prepare(rgb(store.blobs.read(d), backbone.side)) for d in manifest["digest"]])


# time to the same error


@dataclass(frozen=True)
class Reached:
    """When the tutorial's way came to an error; seconds is the cap where it never did."""

    seconds: float
    steps: int
    ever: bool


def tutorials_way(
    manifest: pd.DataFrame, squares: np.ndarray, network: Any, targets: Sequence[float], cap_s: float
) -> list[Reached]:
    """When each target, in cm RMSE, was reached."""
    keras.utils.set_random_seed(0)
    dense = keras.Sequential([keras.layers.Dense(256, "relu"), keras.layers.Dense(1)])
    dense.build((None, network.output_shape[-1]))
    optimizer, label = keras.optimizers.RMSprop(0.001), manifest["label"].to_numpy(np.float32)
    optimizer.build(dense.trainable_variables)
    train, test = (np.flatnonzero(manifest["split"] == split) for split in ("train", "test"))
    features = tf.function(lambda x: network(tf.cast(x, tf.float32), training=False))

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((dense(network(tf.cast(x, tf.float32), training=False))[:, 0] - y) ** 2)
        gradients = tape.gradient(loss, dense.trainable_variables)
        optimizer.apply_gradients(zip(gradients, dense.trainable_variables, strict=True))

    known = np.concatenate([features(squares[part]) for part in np.array_split(test, 8)])
    random, seconds, steps, reached = np.random.default_rng(0), 0.0, 0, dict.fromkeys(targets, Reached(cap_s, 0, False))
    while seconds < cap_s and not all(each.ever for each in reached.values()):
        began = time.monotonic()
        for _ in range(STEP):
            chosen = random.choice(train, BATCH, replace=False)
            step(squares[chosen], label[chosen])
        seconds, steps = seconds + time.monotonic() - began, steps + STEP
        rmse = float(np.sqrt(np.mean((np.asarray(dense(known))[:, 0] - label[test]) ** 2)))
        reached |= {t: Reached(seconds, steps, True) for t in targets if rmse <= t and not reached[t].ever}
    return [reached[target] if reached[target].ever else Reached(seconds, steps, False) for target in targets]


def ours(manifest: pd.DataFrame, backbone: Backbone, store: Store) -> tuple[float, float]:
    """Seconds and RMSE of features from the store, or computed, and the head."""
    began, digests = time.monotonic(), manifest["digest"].tolist()
    embedding.embed(digests, backbone, store, 32, lambda _: None)
    features = embedding.lookup(digests, backbone.fingerprint, store)
    trained = train_head(manifest, features, Lengths(), HeadSettings(), SyntheticLabels(DISTRIBUTIONS, 0), 0)
    seconds = time.monotonic() - began
    test = trained.head.predictions(manifest, features).query("split == 'test'")
    return seconds, Lengths().errors_of(test).rmse


def to_the_same_error(manifest: pd.DataFrame, store: Store, cap_s: float) -> None:
    """Print how long both ways take to come within a tenth of the oracle."""
    ceiling = oracle_errors(manifest[manifest["split"] == "test"], DISTRIBUTIONS)
    assert ceiling is not None
    backbone = load_backbone("efficientnet-lite0")
    cold, rmse = ours(manifest, backbone, store)
    warm, _ = ours(manifest, backbone, store)
    squares = squares_of(manifest, backbone, store)
    targets = {"within a tenth of the oracle": NEAR * ceiling.rmse, "Regraft's own": rmse}
    results = tutorials_way(manifest, squares, backbone.model, list(targets.values()), cap_s)
    print(f"\n{len(manifest)} images, oracle's RMSE {ceiling.rmse:.2f} cm; seconds to an RMSE that is")
    print(f"{'':30}{'RMSE':>8}{'the tutorial':>14}{'cold':>8}{'warm':>8}{'x cold':>9}{'x warm':>9}")
    for (name, target), theirs in zip(targets.items(), results, strict=True):
        never = (
            ""
            if theirs.ever
            else f"   the tutorial never got there, in {theirs.steps} steps: ratios are at least these"
        )
        times = f"{theirs.seconds / cold:9.1f}{theirs.seconds / warm:9.1f}"
        print(f"{name:30}{target:8.2f}{theirs.seconds:14.1f}{cold:8.1f}{warm:8.2f}{times}{never}")


# embedding


def openvino(graph: Any) -> Callable[[np.ndarray], np.ndarray]:
    import openvino as ov

    with tempfile.TemporaryDirectory() as folder:
        tf.io.write_graph(frozen(graph).graph, folder, "graph.pb", as_text=False)
        compiled = ov.Core().compile_model(ov.convert_model(f"{folder}/graph.pb"), "CPU")
    return lambda x: np.asarray(compiled(x)[0])


def onnxruntime(graph: Any) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime as ort
    import tf2onnx

    whole = frozen(graph)
    names = [[tensor.name for tensor in ends] for ends in (whole.inputs, whole.outputs)]
    with muted_stderr():
        made, _ = tf2onnx.convert.from_graph_def(whole.graph.as_graph_def(), None, *names, opset=17)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {names[0][0]: x})[0])


def frozen(graph: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(graph.get_concrete_function())


def engines(manifest: pd.DataFrame, store: Store, count: int, rounds: int) -> None:
    """Print images a second of each engine, in turn, and how far its features are from TensorFlow's."""
    backbone = load_backbone("efficientnet-lite0")
    squares = squares_of(manifest.iloc[:count], backbone, store)
    graph = tf.function(
        lambda x: backbone.model(tf.cast(x, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, *squares.shape[1:]), tf.uint8)],
    )
    run: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "TensorFlow: model.predict": lambda x: backbone.model.predict(x, verbose=0),
        "TensorFlow: one traced graph": lambda x: np.asarray(graph(x)),
        "Regraft (LiteRT, XNNPACK)": backbone.features,
    }
    for name, make in {"OpenVINO": openvino, "ONNX Runtime": onnxruntime}.items():
        try:
            run[name] = make(graph)
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)
    expected = run["TensorFlow: model.predict"](squares)
    off = {name: float(np.abs(engine(squares[:64]) - expected[:64]).max()) for name, engine in run.items()}
    seconds: dict[str, list[float]] = {name: [] for name in run}
    for _ in range(rounds):
        for name, engine in run.items():
            began = time.monotonic()
            for start in range(0, count, 32):
                engine(squares[start : start + 32])
            seconds[name].append(time.monotonic() - began)
    base = float(np.median(seconds["TensorFlow: model.predict"]))
    print(
        f"\nembedding {count} prepared pictures, efficientnet-lite0, {os.cpu_count()} cores, medians of {rounds} rounds"
    )
    reach = f"  (features reach {expected.max():.1f})"
    print(f"{'':32}{'images/s':>10}{'x model.predict':>17}{'largest difference':>20}{reach}")
    for name, turns in seconds.items():
        median = float(np.median(turns))
        print(f"{name:32}{count / median:10.1f}{base / median:17.2f}{off[name]:20.1e}")


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--count", type=int, default=420, help="pictures of each category")
    asks.add_argument("--cap-s", type=float, default=300, help="seconds after which the tutorial's way is stopped")
    asks.add_argument("--rounds", type=int, default=3)
    arguments = asks.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        manifest = world(store, arguments.count)
        engines(manifest, store, min(192, len(manifest)), arguments.rounds)
        to_the_same_error(manifest, store, arguments.cap_s)


if __name__ == "__main__":
    main()
