"""A store as a run leaves it that was cut off when everything was fetched and embedded: no network, no pictures.

Half a dozen things that lists have are in it: copies, near-duplicates, placeholders, addresses that links redirect to,
dead links, and pictures in the wrong list.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from regraft.backbones.weights import frozen_fingerprint, installed_weights
from regraft.config import Category, Config, HeadSettings, Normal
from regraft.fetching.shard import links_by_lane
from regraft.identity import Digest
from regraft.links.memory import MEMORY, put_links
from regraft.links.shards import layout_for
from regraft.pipeline.early_embedding import MAX_IMAGES
from regraft.store.blobs import Blobs
from regraft.store.layout import put_layout
from regraft.store.store import Store

# N images, D features, K latent dimensions, C categories
DEAD_SHARE, COPY_SHARE, NEAR_SHARE, REDIRECTED_SHARE, MISFILED_SHARE = 0.3, 0.02, 0.01, 0.005, 0.003
"""So many, for each image: dead links, copies, near-duplicates, links to placeholders, pictures in the wrong list."""
PLACEHOLDERS = 5
LINKS_PER_HOST = 40
BIG_HOST_SHARE = 0.3
"""Of all links, that are on one and the same host."""
LONG_AGO = timedelta(hours=20)
"""When the run was cut off: a run takes up another one that began within a day."""
LATENT = 32
"""Dimensions that tell pictures apart; the features are a random image of them, as a network's are."""
CATEGORY_DISTANCE = 1.6
"""Between the means of categories in each latent dimension, in standard deviations of what is within."""
ROWS_PER_PART = MAX_IMAGES
"""So many are embedded and stored together as they are fetched, in another order than the manifest's."""
SIDES = (375, 333, 500, 334, 332, 400, 281, 350, 338, 360)


class Drawings(Blobs):
    """Shows the same picture for every digest, so that examples can be drawn of images that were never fetched."""

    def has(self, digest: Digest) -> bool:
        return True

    def among(self, digests: Iterable[Digest]) -> set[Digest]:
        return set(digests)

    def read(self, digest: Digest) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (64, 64), f"#{digest[:6]}").save(file, "JPEG")
        return file.getvalue()


def backbone_fingerprint() -> str:
    """Return the name of the backbone that the features pretend to come from: the embedded one."""
    assert installed_weights().exists()
    return frozen_fingerprint("efficientnet-lite0", None)


def make_config(folder: Path, categories: int, target: Literal["length", "category"] = "length") -> Config:
    """Return the job: lists that `make_store` writes, and lengths that are drawn."""
    means = np.linspace(40, 100, categories)
    return Config(
        name="scale",
        store=str(folder / "store"),
        head=HeadSettings(target=target),
        categories={
            f"c{number:04}": Category(
                list=str(folder / f"c{number:04}.txt"), label=Normal(mean=mean, std=mean / 4, min=mean / 3)
            )
            for number, mean in enumerate(means.tolist())
        },
    )


def make_store(config: Config, images: int, dimensions: int, seed: int = 0) -> None:
    """Make lists and a store for a config: so many distinct images, each with that many features."""
    random, store = np.random.default_rng(seed), Store(config.store)
    links = _links(list(config.categories), images, random)
    for name, category in config.categories.items():
        Path(category.list).write_text("\n".join(links["url"][links["category"] == name]) + "\n")
    mark_cut_off(store)
    layout = layout_for(set(links["url"]), config.fetch.spread, None)
    put_layout(store.disk, layout)
    for lane, shards in links_by_lane(links, layout).items():
        for shard, rows in shards.items():
            put_links(store, layout.path(lane, shard), rows)
    pictures = links[["category", "digest"]][links["digest"] != ""].drop_duplicates("digest")
    for digests, features in _features(pictures, len(config.categories), dimensions, random):
        store.features.append(backbone_fingerprint(), digests, features)


def mark_cut_off(store: Store) -> None:
    """Have the next run go on where one was cut off that had fetched every link: nothing is due."""
    since = datetime.now(UTC) - LONG_AGO
    store.disk.write("run.json", json.dumps({"since": since.isoformat(), "name": "cut off"}).encode())


def _links(names: list[str], images: int, random: np.random.Generator) -> pd.DataFrame:
    """What is known of every link, columns MEMORY, in a random order."""
    now = datetime.now(UTC)
    copies, redirected, dead = (int(images * share) for share in (COPY_SHARE, REDIRECTED_SHARE, DEAD_SHARE))
    source = random.integers(0, images, copies)
    picture = np.concatenate([np.arange(images), source, images + np.arange(redirected) % PLACEHOLDERS])
    count = len(picture) + dead
    category = np.concatenate([np.arange(images), source, random.integers(0, images, redirected + dead)]) % len(names)
    is_dead = np.arange(count) >= len(picture)
    is_redirected = ~is_dead & (np.arange(count) >= images + copies)
    host = np.where(random.random(count) < BIG_HOST_SHARE, 0, random.integers(1, count // LINKS_PER_HOST + 9, count))
    urls = [f"http://photos{h}.example.org/{c}/{i:08}.jpg" for i, (h, c) in enumerate(zip(host, category, strict=True))]
    digests = np.array([hashlib.sha256(b"%d" % i).hexdigest() for i in range(images + PLACEHOLDERS)], dtype=object)
    phashes = _phashes(images + PLACEHOLDERS, random)
    sides = np.array(SIDES, dtype=np.int32)[random.integers(0, len(SIDES), images + PLACEHOLDERS)]
    sizes = random.integers(30_000, 200_000, images + PLACEHOLDERS)
    sizes[images:] = 900
    none = [""] * dead
    zeros = np.zeros(dead, dtype=np.int64)
    reasons = np.where(random.random(count) < 0.5, "gone", "unreachable")
    final_urls = np.where(is_redirected, "http://photos0.example.org/unavailable.png", np.array(urls, dtype=object))
    columns = {
        "url": urls,
        "category": np.array(names, dtype=object)[category],
        "verdict": np.where(is_dead, "dead", "alive"),
        "reason": np.where(is_dead, reasons, ""),
        "http_status": np.where(is_dead, 404, 200).astype(np.int16),
        "final_url": final_urls,
        "digest": [*digests[picture], *none],
        "bytes": np.concatenate([sizes[picture], zeros]),
        "width": np.where(is_dead, 0, 500).astype(np.int32),
        "height": np.concatenate([sides[picture], zeros]).astype(np.int32),
        "phash": [*phashes[picture], *none],
        "etag": [f'"{i:x}"' for i in range(count)],
        "last_modified": [""] * count,
        "attempts": np.ones(count, dtype=np.int16),
        "elapsed_s": random.random(count).astype(np.float32),
        "checked_at": [now] * count,
        "outcome": ["fetched"] * count,
        "first_seen": [now - timedelta(days=90)] * count,
        "dead_since": [now - timedelta(days=30) if d else None for d in is_dead.tolist()],
        "trusted_digest": [*digests[picture], *none],
        "trusted_phash": [*phashes[picture], *none],
    }
    null = [None] * count  # what is known of no link
    table = pa.table([pa.array(columns.get(field.name, null), field.type) for field in MEMORY], schema=MEMORY)
    return table.take(random.permutation(count)).to_pandas()


def _phashes(count: int, random: np.random.Generator) -> NDArray[np.object_]:
    """Perceptual hashes, uniform but for near-duplicates, which differ in two bits from another."""
    hashes = random.integers(0, 2**63, count, dtype=np.uint64)  # the first bit is always 0
    near = int(count * NEAR_SHARE)
    if near:
        hashes[-near:] = hashes[:near] ^ np.uint64(0b101)
    return np.array([f"{number:016x}" for number in hashes.tolist()], dtype=object)


def _features(
    pictures: pd.DataFrame, categories: int, dimensions: int, random: np.random.Generator
) -> Iterator[tuple[list[Digest], NDArray[np.float32]]]:
    """The features of pictures (category, digest), part by part: (digests, (N, D))."""
    centres = random.standard_normal((categories, LATENT), dtype=np.float32) * CATEGORY_DISTANCE
    image = random.standard_normal((LATENT, dimensions), dtype=np.float32) / np.float32(np.sqrt(LATENT))
    noise = random.standard_normal((ROWS_PER_PART, dimensions), dtype=np.float32) * np.float32(0.2)
    category = pictures["category"].str[1:].astype(int).to_numpy()
    is_misfiled = random.random(len(pictures)) < MISFILED_SHARE
    category = np.where(is_misfiled, (category + 1) % categories, category)
    digests = pictures["digest"].tolist()
    for start in range(0, len(pictures), ROWS_PER_PART):
        rows = category[start : start + ROWS_PER_PART]
        latent = centres[rows] + random.standard_normal((len(rows), LATENT), dtype=np.float32)
        own_noise = np.roll(noise, int(random.integers(dimensions)), axis=1)[: len(rows)]
        yield digests[start : start + ROWS_PER_PART], np.maximum(latent @ image + own_noise, 0)
