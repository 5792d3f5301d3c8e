"""A store after two runs, with pictures in everything that a store keeps: blobs, features, tables, plots, reports."""

import base64
import io
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from regraft.dataset.decision import Decision, DecisionKind
from regraft.dataset.decisions import decide
from regraft.identity import Digest, Url, digest_of
from regraft.links.memory import MEMORY, SCHEMA, put_links
from regraft.links.shards import path_of
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits
from regraft.reporting.example_sheet import example_sheet
from regraft.reporting.examples import jpeg_uri, thumbnails
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.targets.choice import target_of
from tests.records import metrics_record, run_record
from tests.upkeep.stores import JANUARY

BACKBONE = "net"
NAMES = JANUARY[:2]
"""The versions."""
NOW = datetime(2026, 2, 1, tzinfo=UTC)
FEATURES = 2 * np.eye(6, dtype=np.float32)
"""(N, D): those of the pictures."""
SPLITS = ("train", "validation", "test", "train", "test", "test")


def url_of(number: int) -> Url:
    """The link that shows a picture: three links a host."""
    return Url(f"http://host{number // 3}.example/cat/{number}.jpg")


def picture(number: int) -> bytes:
    """A picture that looks like no other."""
    return encoded(drawing("cat" if number % 2 else "tiger", f"removed {number}"), "JPEG")


def put_pictures(store: Store, has_examples: bool = True) -> list[Digest]:
    """Have a store hold a picture for each of SPLITS, shown by `url_of` its number, and learnt from by two versions.

    The first of them has a plot of examples, if any has: it is drawn anew in every removal, which takes a while.
    """
    digests = [store.blobs.put(picture(number)) for number in range(len(SPLITS))]
    rows = pa.Table.from_pylist([row_of(*each) for each in enumerate(digests)], schema=MEMORY).to_pandas()
    put_layout(store.disk, Layout())
    remember(store, rows)
    store.features.append(BACKBONE, digests[:4], FEATURES[:4])
    store.features.append(BACKBONE, digests[4:], FEATURES[4:])
    decide(store, [Decision(kind=DecisionKind.ACCEPT, url=url_of(0), digest=digests[0], decided_at=NOW)])
    for name in NAMES:
        publish(store, name, rows, has_examples=has_examples and name == NAMES[0])
    versions.promote(store, NAMES[1], None)
    return digests


def remember(store: Store, rows: pd.DataFrame) -> None:
    """Have a store know links, columns MEMORY, and nothing else of their shards."""
    for path, links in rows.groupby(rows["url"].map(lambda url: path_of(url, Layout()))):
        put_links(store, str(path), links)


def row_of(number: int, digest: Digest) -> dict[str, object]:
    """What is known of a link, columns MEMORY."""
    judged = judge(picture(number), Limits())
    assert isinstance(judged, Picture)
    seen = {"url": url_of(number), "final_url": url_of(number), "category": "tiger", "verdict": "alive", "reason": ""}
    return seen | {
        "digest": digest,
        "phash": judged.phash,
        "trusted_digest": digest,
        "trusted_phash": judged.phash,
        "bytes": len(picture(number)),
        "width": judged.width,
        "height": judged.height,
        "checked_at": NOW,
    }


def publish(store: Store, name: str, rows: pd.DataFrame, has_examples: bool) -> None:
    """Publish a version that learnt from pictures, and shows all of them; in a plot of examples too, if it has one."""
    run = run_record(backbone_fingerprint=BACKBONE)
    images = rows[["digest", "category", "phash", "width", "height"]].assign(
        split=SPLITS, label=100.0, cluster=rows["digest"].min()
    )
    predictions = images.assign(prediction=101.0)
    sheets = {"plots/examples.png": example_sheet(predictions, target_of(run.config), store)} if has_examples else {}
    files = {
        "links.parquet": parquet(rows.reindex(columns=SCHEMA.names), SCHEMA),
        "manifest.parquet": parquet(images.assign(urls=rows["url"].map(lambda url: [url]))),
        "predictions.parquet": parquet(predictions),
        "holdout.parquet": parquet(images[["digest", "category", "phash", "label"]][images["split"] == "test"]),
        "metrics.json": metrics_record(promoted=True).to_bytes(),
        "certainty.npz": certainty(),
        "plots/labels.png": b"a plot without a picture",
        "MODEL_CARD.md": b"# A model\n",
        "report.html": page(store, rows, *sheets.values()).encode(),
    }
    files |= sheets
    digests = {file: digest_of(data) for file, data in files.items()}
    complete = run.model_copy(update={"files": digests})
    versions.publish(store, name, files | {"run.json": complete.to_bytes()})


def certainty() -> bytes:
    """A certainty.npz that compares pictures with those of the train split."""
    file = io.BytesIO()
    is_train = np.array([split == "train" for split in SPLITS])
    np.savez(file, references=(FEATURES[is_train] / 2).astype(np.float16), usual=np.array(0.1))
    return file.getvalue()


def page(store: Store, rows: pd.DataFrame, *sheets: bytes) -> str:
    """A report: a row and a figure for each picture, and sheets of examples."""
    small = thumbnails(rows["digest"], store)
    cells = [
        f'<tr><td><img src="{small[digest]}"></td><td class="url">{url}</td></tr>\n'
        f'<figure><img src="{small[digest]}"></figure>\n'
        for digest, url in zip(rows["digest"], rows["url"], strict=True)
    ]
    figures = [
        f'<figure><img src="data:image/png;base64,{base64.b64encode(sheet).decode()}"></figure>'
        f'<figure><img id="examples" alt="Test images" src="{jpeg_uri(sheet)}"></figure>'
        for sheet in sheets
    ]
    return f"<html><body><h1>felidae</h1>\n{''.join(figures)}{''.join(cells)}"
