"""The settings of a job, refused with the field's name before anything is fetched."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MENAGERIE = "menagerie:"
"""Lists of the embedded web begin so."""
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def safe_name(name: str) -> str:
    """Return a name that is safe in paths, URLs and keys. Raises ValueError saying what one is made of."""
    if not SAFE_NAME.fullmatch(name):
        raise ValueError(
            "is no safe name: write letters, digits, - and _, at most 64, beginning with a letter or digit"
        )
    return name


def _proxy_address(url: str) -> str:
    if not re.fullmatch(r"http://[^/@\s]+:\d+/?", url):
        raise ValueError("is no proxy address: write http://HOST:PORT")
    return url.rstrip("/")


def _exemption(address: str) -> str:
    if not re.fullmatch(r"(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):\d+", address):
        raise ValueError("is no exemption: write an exact ADDRESS:PORT, such as 127.0.0.1:8000")
    return address


SafeName = Annotated[str, AfterValidator(safe_name)]
ProxyAddress = Annotated[str, AfterValidator(_proxy_address)]
Exemption = Annotated[str, AfterValidator(_exemption)]


class Settings(BaseModel):
    """A frozen part of the config that knows all of its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Normal(Settings):
    """Lengths drawn from a normal distribution, clipped to a range."""

    distribution: Literal["normal"] = "normal"
    """The distribution's name."""
    mean: float
    """Mean before clipping, in cm."""
    std: Annotated[float, Field(gt=0)]
    """Standard deviation before clipping, in cm."""
    min: float | None = None
    """Lengths below this become this, in cm."""
    max: float | None = None
    """Lengths above this become this, in cm."""

    @model_validator(mode="after")
    def _range_is_open(self) -> "Normal":
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min ({self.min:g}) must be below max ({self.max:g})")
        return self


class Category(Settings):
    """One category: where its links are, and how long its animals are."""

    list: Annotated[str, Field(min_length=1)]
    """A path, an http(s) URL or an fsspec URL; .txt (a URL a line), .csv or .parquet (a column `url`)."""
    label: Normal | None = None
    """The distribution of the synthetic labels; not needed where the list has a `label` column, or `head.target` is
    category."""


class FetchSettings(Settings):
    """How the web is asked."""

    proxy: ProxyAddress | None = None
    """Ask through this HTTP proxy; HTTP_PROXY in the environment is ignored."""
    allow: tuple[Exemption, ...] = ()
    """Private ADDRESS:PORT pairs that may be fetched from all the same; all others are refused."""
    processes: Annotated[int, Field(ge=1, le=64)] | None = None
    """Worker processes; as many as there are cores if not given."""
    connections: Annotated[int, Field(ge=1, le=512)] = 64
    """Connections at a time, over all processes."""
    per_host: Annotated[int, Field(ge=1, le=512)] = 16
    """Connections at a time to one host, over all processes."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    """Requests at most for a link that fails in a way that may pass."""
    connect_s: Annotated[float, Field(gt=0)] = 5
    """Seconds for a connection to open."""
    deadline_s: Annotated[float, Field(gt=0)] = 15
    """Seconds for one attempt at a link, redirects included, whatever the server does."""
    retry_after_s: Annotated[float, Field(ge=0)] = 30
    """A server's Retry-After is honoured up to this many seconds."""
    max_bytes: Annotated[int, Field(ge=1000)] = 20_000_000
    """Bytes of a body at most."""
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """Redirects followed at most."""
    pace_s: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds at least between two requests to one host."""
    robots: bool = False
    """Obey robots.txt, Crawl-delay included. X-Robots-Tag (noai, noimageai, noindex) is always obeyed."""
    budget_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds of fetching in one run at most; links not reached keep what is known of them."""
    budget_bytes: Annotated[int, Field(gt=0)] | None = None
    """Bytes of bodies in one run at most; links not reached keep what is known of them."""
    outage_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The run stops when more than this share of the links fails because of this machine's network."""
    user_agent: Annotated[str, Field(min_length=1)] = "regraft/0.1 (image link checker; honours noai and robots tags)"
    """The honest name sent with every request."""


class ScreenSettings(Settings):
    """Which pictures are fit to learn from."""

    min_side: Annotated[int, Field(ge=1)] = 32
    """Pixels of the shorter side at least."""
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """Width times height at most, checked before decoding."""
    near: Annotated[int, Field(ge=0, le=16)] = 6
    """Perceptual hashes that differ in at most this many of 64 bits are near-duplicates."""
    misfiled: bool = True
    """Leave out pictures that are clearly like another category's and unlike their own: a kitten among the tigers."""
    accept_replaced_days: Annotated[float, Field(ge=0)] | None = None
    """Learn from a link that shows another picture than it did once it has done so for this long; else only after
    `regraft accept URL`."""


class SplitSettings(Settings):
    """Shares of the images that are held out; the rest trains."""

    validation: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share that chooses when to stop training."""
    test: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share that only measures."""
    min_images: Annotated[int, Field(ge=3)] = 20
    """Images a category must have for the run to go on."""


class BackboneSettings(Settings):
    """The frozen, pretrained part."""

    name: Annotated[str, Field(min_length=1)] = "efficientnet-lite0"
    """efficientnet-lite0, vgg16, or any name in keras.applications, such as MobileNetV2."""
    weights: str | None = None
    """A local weights file; if not given, the ones that the backbone comes with or `imagenet`; `random`: none, to learn
    from scratch with `tune.blocks: all`."""
    batch: Annotated[int, Field(ge=1)] = 32
    """Images in one forward pass."""


class HeadSettings(Settings):
    """The small part that is trained."""

    target: Literal["length", "category"] = "length"
    """What the head answers: a length in cm, or the category itself, with its probability."""
    preset: Literal["graft", "tutorial"] = "graft"
    """graft: the categories' mean lengths by their probabilities; tutorial: Dense 256 relu, Dense 1, RMSProp 0.001,
    MSE, 100 steps of 6 images, whatever the settings below say."""
    epochs: Annotated[int, Field(ge=1)] = 200
    """Passes over the training features at most, each one step."""
    patience: Annotated[int, Field(ge=1)] = 20
    """Epochs without a better validation loss before training stops."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.003
    """Step size of Adam."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """L2 penalty on the head's kernel."""


class TuneSettings(Settings):
    """Fine-tuning: some of the backbone learns too, after the head, from pictures flipped, cropped and lit anew."""

    blocks: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """How many of the backbone's last blocks learn; 0: none, it stays frozen."""
    epochs: Annotated[int, Field(ge=1)] = 5
    """Passes over the training images at most."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    """Step size of Adam, low so that what was learnt before is kept; from scratch 1e-3 is usual."""
    batch: Annotated[int, Field(ge=1)] = 16
    """Images in one step."""


class GateSettings(Settings):
    """When a candidate becomes champion."""

    samples: Annotated[int, Field(ge=100)] = 2000
    """Bootstrap samples."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of every interval, and of the decision."""


class Config(Settings):
    """One job: its categories, and how it is fetched, trained and judged."""

    name: SafeName
    """The job's name, shown in the dashboard."""
    store: Annotated[str, Field(min_length=1)] = "artifacts"
    """The store: a folder or any fsspec URL, such as s3://bucket/prefix."""
    seed: int = 0
    """Labels, splits and training are drawn from it."""
    reports_url: Annotated[str, Field(pattern=r"https?://\S+")] = "http://127.0.0.1:4201"
    """Where the dashboard's links find the reports: `regraft serve`, or what serves your bucket's versions."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """What TensorFlow computes on; auto: a GPU where it sees one."""
    categories: Annotated[dict[SafeName, Category], Field(min_length=2)]
    """Two categories or more, by name."""
    fetch: FetchSettings = FetchSettings()
    """How the web is asked."""
    screen: ScreenSettings = ScreenSettings()
    """Which pictures are fit to learn from."""
    split: SplitSettings = SplitSettings()
    """Shares of the images that are held out."""
    backbone: BackboneSettings = BackboneSettings()
    """The frozen, pretrained part."""
    head: HeadSettings = HeadSettings()
    """The small part that is trained."""
    tune: TuneSettings = TuneSettings()
    """Whether some of the backbone learns too."""
    gate: GateSettings = GateSettings()
    """When a candidate becomes champion."""

    @model_validator(mode="after")
    def _something_learns(self) -> "Config":
        if self.backbone.weights == "random" and self.tune.blocks != "all":
            raise ValueError("backbone.weights: random needs `tune: {blocks: all}`, or the backbone never learns")
        return self

    @model_validator(mode="after")
    def _head_can_answer(self) -> "Config":
        if self.head.preset == "tutorial" and self.head.target == "category":
            raise ValueError("head.preset: tutorial learns lengths; write `target: length`, or `preset: graft`")
        return self
