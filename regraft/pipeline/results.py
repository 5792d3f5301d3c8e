"""What one step of a run hands on to the next: counts, and digests of tables and bytes that lie in the store's drafts.

Each is frozen, picklable and small, so that the next step may run on any machine that reaches the store.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from regraft.config import EngineSettings
from regraft.fetching.outage import Failures
from regraft.identity import Digest
from regraft.links.findings import Trouble

IMAGES_PER_CHUNK = 2048
"""Images that one task of a cluster embeds: some seconds of work, far longer than it takes to send the task."""


@dataclass(frozen=True)
class Shard:
    """The links of the lists that belong to one shard of a lane's memory."""

    path: str
    """Where the store remembers them."""
    urls: int
    """Distinct URLs in it."""
    table: Digest
    """url, category: a URL in two lists has a row in each. Of guests also the fields of a `links.findings.Trail`."""
    kept_at: str = ""
    """Where what comes of them is kept, where they are guests of another lane; "" where that is `path`."""


@dataclass(frozen=True)
class Lane:
    """All links of some hosts: one process at a time fetches them."""

    number: int
    """Which lane, 0 to the number of the store's lanes - 1."""
    shards: tuple[Shard, ...]
    """Its links, by shard; shards without a link are left out."""
    share: float
    """Its part of the bytes that the run may spend, 0 to 1: that of all links."""
    troubles: tuple[Trouble, ...] = ()
    """What is known of its hosts from the rounds before."""

    @property
    def urls(self) -> int:
        """Distinct URLs in it."""
        return sum(shard.urls for shard in self.shards)


@dataclass(frozen=True)
class Links:
    """Every link of every list."""

    lanes: tuple[Lane, ...]
    """All links, by lane; lanes without a link are left out."""
    lengths: Digest
    """url, label: the links whose list says how long their animal is, in cm."""
    columns: Mapping[str, Digest] = field(default_factory=dict)
    """By category, what its list says of its links: url, and the list's other columns. Lists with none are left out."""


@dataclass(frozen=True)
class FetchedShard:
    """One shard's links after their check."""

    path: str
    """Where the store remembers them."""
    table: Digest
    """Columns `links.memory.MEMORY`."""
    silent: Digest | None
    """The rows of links that gave no answer at all, which the store does not remember yet; None where there is none."""
    onward: Mapping[int, Shard] = field(default_factory=dict)
    """By lane, those of its links that redirect to that one's hosts: it goes on with them."""
    kept_at: str = ""
    """Where what came of guests is kept; "" where that is `path`."""


@dataclass(frozen=True)
class FetchedLane:
    """One lane's links after their check."""

    number: int
    """Which lane."""
    shards: tuple[FetchedShard, ...]
    """Its links, by shard."""
    failures: Failures
    """What tells an outage from rot, together with the other lanes'."""
    unspent: float = 0.0
    """What is left of its share of the run's bytes, as a part of all of them."""
    troubles: tuple[Trouble, ...] = ()
    """What is known of its hosts that are not well."""


def onward_lanes(fetched: Sequence[FetchedLane], before: Sequence[FetchedLane] = ()) -> tuple[Lane, ...]:
    """Return the lanes that go on with links of others. They share, by URLs, what those have not spent.

    `before`: the lanes of all rounds until then, in their order, whose latest word on its hosts each lane gets.
    """
    guests: dict[int, list[Shard]] = {}
    for shard in (shard for lane in fetched for shard in lane.shards):
        for number, links in shard.onward.items():
            guests.setdefault(number, []).append(links)
    unspent = sum(lane.unspent for lane in fetched)
    urls = {number: sum(shard.urls for shard in shards) for number, shards in guests.items()}
    troubles = {lane.number: lane.troubles for lane in (*before, *fetched)}
    return tuple(
        Lane(number, tuple(shards), unspent * urls[number] / sum(urls.values()), troubles.get(number, ()))
        for number, shards in guests.items()
    )


def in_rounds(lanes: Sequence[Lane], fetch: Callable[[Sequence[Lane]], Iterable[FetchedLane]]) -> list[FetchedLane]:
    """Return what `fetch` makes of lanes, and then, round by round, of those that go on with links of others.

    No round begins before the one before it ends, so that a host is asked by one task at a time. They come to an end as
    links do, which follow so many redirects and no more.
    """
    fetched: list[FetchedLane] = []
    while lanes:
        latest = list(fetch(lanes))
        lanes = onward_lanes(latest, fetched)
        fetched += latest
    return fetched


@dataclass(frozen=True)
class Screened:
    """What a run's links came to, see `dataset.screening.Screened`."""

    links: Digest
    """All links with their last verdicts, columns `links.memory.COLUMNS`."""
    pictures: Digest
    """What there is to learn from, one row for each digest."""
    survival: Digest
    """JSON: by category, how many of the links that ever showed a picture still do."""
    decisions: Digest
    """All decisions of persons, see `dataset.honouring.Rulings.table`."""


@dataclass(frozen=True)
class Manifest:
    """The training images, labelled and split."""

    images: int
    """Rows of the table."""
    table: Digest
    """Columns `dataset.manifest.MANIFEST`."""
    columns: Mapping[str, Digest] = field(default_factory=dict)
    """See `Links.columns`: the version's manifest has them too."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a manifest, whose images one task embeds."""

    table: Digest
    """The manifest, columns `dataset.manifest.MANIFEST`."""
    start: int
    """The first of the rows."""
    stop: int
    """The row behind the last."""


def chunks(manifest: Manifest, engine: EngineSettings) -> list[Chunk]:
    """Return what is embedded at a time: all images where one machine does it, else IMAGES_PER_CHUNK."""
    size = IMAGES_PER_CHUNK if engine.kind == "dask" else manifest.images
    starts = range(0, manifest.images, size)
    return [Chunk(manifest.table, start, min(start + size, manifest.images)) for start in starts]


@dataclass(frozen=True)
class Embedded:
    """Which features the images have; they lie in the store."""

    fingerprint: str
    """The backbone that they come from, its weights and its preprocessing."""
    computed: int
    """Images whose features were not in the store yet."""
    device: str
    """What TensorFlow computed on, and in which precision."""
    tuned: Digest | None = None
    """backbone.npz, where the backbone was fine-tuned."""
    history: Mapping[str, list[float]] = field(default_factory=dict)
    """Losses of fine-tuning by epoch; empty where the backbone stayed frozen."""

    @classmethod
    def all(cls, parts: "Sequence[Embedded]") -> "Embedded":
        """Return what the parts of a manifest come to together."""
        return replace(parts[0], computed=sum(part.computed for part in parts))


@dataclass(frozen=True)
class TrainedHead:
    """A head and how it was trained."""

    head: Digest
    """head.keras"""
    predictions: Digest
    """What it answered before it was saved: `Target.predictions` of the manifest's rows, in their order."""
    history: Mapping[str, list[float]]
    """Losses by epoch."""


@dataclass(frozen=True)
class Learnt:
    """What a run has learnt, and from what."""

    screened: Screened
    manifest: Manifest
    embedded: Embedded
    head: TrainedHead
    model_of: str | None = None
    """The version whose model this is too, where nothing that it is made from has changed."""


@dataclass(frozen=True)
class Evaluated:
    """What a model was measured to be, see `judging.evaluation.Evaluation`."""

    metrics: Digest
    """metrics.json"""
    predictions: Digest
    """predictions.parquet"""
    holdout: Digest
    """holdout.parquet"""
    certainty: Digest
    """certainty.npz"""
    champion: str | None
    """The version that was champion then; None where there was none."""
