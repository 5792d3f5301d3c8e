"""The settings of a job. A wrong one is refused, with its name, before anything is fetched."""

import os
import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema

from regraft.identity import is_address

MENAGERIE = "menagerie:"
"""How the source of a list of the embedded web begins."""
MAX_LENGTH_CM = 1e9
"""Ten thousand kilometres: what is longer is a mistake, and its square would leave nothing of all other lengths."""
MAX_DEVIATIONS = 5
"""Standard deviations from the mean beyond which, on one side, lies one length of three million."""
MAX_NAME_LENGTH = 64
SAFE_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_NAME_LENGTH - 1}}}")
"""Names that mean themselves in paths, URLs and keys."""
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
"""A day as text; of other text pydantic takes numbers for seconds since 1970."""


def safe_name(name: str) -> str:
    """Return the name if it is safe in paths, URLs and keys. Raises ValueError with what a safe name is made of."""
    if not SAFE_NAME.fullmatch(name):
        raise ValueError(
            f"is no safe name: write at most {MAX_NAME_LENGTH} letters, digits, - and _, and begin with a letter or "
            "digit"
        )
    return name


def proxy_address(url: str) -> str:
    """Return a proxy's address without a slash at its end. Raises ValueError where the URL is no proxy's."""
    address = re.fullmatch(r"http://[^/@\s]+:(\d{1,5})/?", url, re.ASCII)
    if not address or not _is_port(address[1]):
        raise ValueError("is no proxy address: write http://HOST:PORT")
    return url.rstrip("/")


def _exemption(address: str) -> str:
    parts = re.fullmatch(r"([\d.]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})", address, re.ASCII)
    if not parts or not is_address(parts[1].strip("[]")) or not _is_port(parts[2]):
        raise ValueError("is no exemption: write one ADDRESS:PORT, such as 127.0.0.1:8000")
    return address


def _is_port(text: str) -> bool:
    return 0 < int(text) < 2**16


def _header_value(text: str) -> str:
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", text):
        raise ValueError("is no User-Agent: write letters, digits and signs of ASCII, in one line")
    return text


def _scheduler_address(address: str) -> str:
    parts = re.fullmatch(r"(tcp|tls)://([^/@:\s]+|\[[^/@\s]+\]):(\d{1,5})/?", address, re.ASCII)
    if not parts or not _is_port(parts[3]):
        raise ValueError("is no address of a scheduler: write tcp://HOST:PORT")
    return address.rstrip("/")


def _host(name: str) -> str:
    if not re.fullmatch(r"[^/@:\s]+", name):
        raise ValueError("is no host: write its name alone, such as images.example.org")
    return name.lower()


def _place(text: str) -> str:
    if "\0" in text:
        raise ValueError("is no place: it holds a zero, which no path and no URL does")
    return os.path.expanduser(text)


Length = Annotated[float, Field(ge=-MAX_LENGTH_CM, le=MAX_LENGTH_CM)]
Place = Annotated[str, Field(min_length=1), AfterValidator(_place)]
"""A path, in which ~ is the home folder, or a URL."""
SafeName = Annotated[str, AfterValidator(safe_name)]
ProxyAddress = Annotated[str, AfterValidator(proxy_address)]
SchedulerAddress = Annotated[str, AfterValidator(_scheduler_address)]
Exemption = Annotated[str, AfterValidator(_exemption)]
HostName = Annotated[str, AfterValidator(_host)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return what is written beneath each of a model's fields, by the field's name.

    Pydantic can make them the fields' descriptions at import, which takes a third of the time that the import does.
    """
    import ast  # only who shows settings needs it
    import inspect

    (definition,) = ast.parse(inspect.getsource(model)).body
    texts = {}
    for field, beneath in pairwise(getattr(definition, "body", [])):
        match field, beneath:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = inspect.cleandoc(text)
    return texts


class Settings(BaseModel):
    """A part of the config: it cannot be changed, and refuses keys that it does not know and numbers without end."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON schema, with what each setting is for: the dashboard's form and the docs are made from it."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, text in descriptions(cls).items():
            properties[name]["description"] = text
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _check_kind(cls, value: object, info: ValidationInfo) -> object:
        """Refuse `yes` where a number is wanted, which Python takes for 1, and a number for a day, also as text."""
        kind = cls.model_fields[info.field_name].annotation if info.field_name else None
        if isinstance(value, bool) and kind is not bool:
            raise ValueError("is yes or no, where another value is expected")
        if kind is date and not isinstance(value, date) and not DAY.fullmatch(str(value)):
            raise ValueError("is no day: write one such as 2010-01-31")
        return value


class Normal(Settings):
    """Lengths that are drawn from a normal distribution and clipped to a range."""

    distribution: Literal["normal"] = "normal"
    """The kind of distribution; `normal` is the only one."""
    mean: Length
    """The mean length in cm, before clipping."""
    std: Annotated[float, Field(gt=0, le=MAX_LENGTH_CM)]
    """The standard deviation of the lengths in cm, before clipping."""
    min: Length | None = None
    """The shortest length in cm: what is drawn below it is set to it. Without it there is no lower bound."""
    max: Length | None = None
    """The longest length in cm: what is drawn above it is set to it. Without it there is no upper bound."""

    @model_validator(mode="after")
    def _check_range(self) -> "Normal":
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min ({self.min:g}) must be below max ({self.max:g})")
        return self


class Category(Settings):
    """One category: where its list of links is, and how long its animals are."""

    list: Place
    """Where the list of links is: a path, an http(s) URL or an fsspec URL. A .txt list has one link a line; a .csv,
    .tsv, .jsonl or .parquet list has a column `url`. Any of them may be packed with gzip."""
    url_column: Annotated[str, Field(min_length=1)] | None = None
    """The column with the links, where it is not called `url`."""
    label_column: Annotated[str, Field(min_length=1)] | None = None
    """The column with the lengths in cm, where it is not called `label`."""
    label: Normal | None = None
    """The distribution that each image's length is drawn from. It is not needed where the list has a column `label`
    with the lengths, or where `head.target` is `category`."""


class ArchiveSettings(Settings):
    """A web archive that is asked for what dead links once showed: https://www.rfc-editor.org/rfc/rfc7089 (Memento)."""

    timegate: Annotated[str, Field(pattern=r"^https?://[^\s?#/]+/([^\s?#]*/)?$")]
    """The archive's TimeGate, to which a link's URL is added, such as `https://web.archive.org/web/`."""
    near: date = date(2010, 1, 1)
    """The day that a memento is to come as near to as the archive can."""
    pace_s: Annotated[float, Field(ge=0, le=3600)] = 1
    """The seconds that must pass between two requests to the archive. It gets one at a time."""
    per_run: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """How many links one run asks for at most; the others wait for the next runs."""


class FetchSettings(Settings):
    """How links are fetched: how fast, how patiently, and what is refused."""

    proxy: ProxyAddress | None = None
    """The HTTP proxy that all requests go through, as http://HOST:PORT. HTTP_PROXY in the environment is ignored."""
    allow: tuple[Exemption, ...] = ()
    """Private addresses, each as ADDRESS:PORT, that may be fetched from. All other private addresses are refused."""
    processes: Annotated[int, Field(ge=1, le=64)] | None = None
    """The number of worker processes that fetch. Without it there is one for each CPU core that the process may use."""
    connections: Annotated[int, Field(ge=1, le=512)] = 64
    """How many connections may be open at a time, over all worker processes."""
    per_host: Annotated[int, Field(ge=1, le=512)] = 16
    """How many connections to one host may be open at a time, over all worker processes."""
    spread: tuple[HostName, ...] = ()
    """Hosts that may be asked by all machines of a cluster at the same time, each with `per_host` connections, such as
    your own bucket. Every other host is asked by one machine at a time."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    """How often at most a link is requested while it fails in a way that may pass, such as a timeout."""
    connect_s: Annotated[float, Field(gt=0, le=3600)] = 5
    """The seconds that a connection may take to open."""
    deadline_s: Annotated[float, Field(gt=0, le=86_400)] = 15
    """The seconds that one attempt at a link may take, its redirects included, whatever the server does."""
    retry_after_s: Annotated[float, Field(ge=0, le=86_400)] = 30
    """The longest wait in seconds that a server may ask for with Retry-After, or with its robots.txt's Crawl-delay."""
    max_bytes: Annotated[int, Field(ge=1000)] = 20_000_000
    """The largest file in bytes; a larger one is junk."""
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """How many redirects of one link are followed."""
    pace_s: Annotated[float, Field(ge=0, le=60)] = 0
    """The seconds that must pass between two requests to one host."""
    robots: bool = False
    """Whether to obey robots.txt and its Crawl-delay. X-Robots-Tag (noai, noimageai, noindex) is always obeyed."""
    budget_s: Annotated[float, Field(gt=0, le=10_000_000)] | None = None
    """The seconds that one run may spend on fetching. Links that it does not reach keep their last verdict."""
    budget_bytes: Annotated[int, Field(gt=0)] | None = None
    """The bytes that one run may fetch. Links that it does not reach keep their last verdict."""
    outage_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of links that may fail because of this machine's network. When more do, the run stops and marks no
    link dead."""
    archive: ArchiveSettings | None = None
    """The web archive that is asked for dead links. Without it none is."""
    user_agent: HeaderValue = "regraft/0.1 (image link checker; honours noai and robots tags)"
    """The User-Agent sent with every request: say honestly who you are."""


class ScreenSettings(Settings):
    """Which pictures are fit to learn from."""

    min_side: Annotated[int, Field(ge=1)] = 32
    """The fewest pixels that a picture's shorter side may have."""
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """The most pixels, width times height, that a picture may have. It is checked before the picture is decoded."""
    near: Annotated[int, Field(ge=0, le=16)] = 10
    """Two pictures are near-duplicates if their perceptual hashes differ in at most this many of 64 bits, mirrored or
    not."""
    misfiled: bool = True
    """Whether to leave out pictures that are clearly like another category's and unlike their own, such as a kitten
    among the tigers."""
    archived: bool = True
    """Whether to learn from pictures of dead links that a web archive has kept."""
    accept_replaced_days: Annotated[float, Field(ge=0, le=36_500)] | None = None
    """After how many days a link that shows another picture than it did is learnt from again. Without it that takes
    `regraft accept URL`."""


class SplitSettings(Settings):
    """How images are divided: the test split is held out, and the head is trained on the others."""

    validation: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """The share of images that says when fine-tuning stops, and with more than 4,096 images, or 797 with vgg16, also
    when training does and how far predictions may be trusted. With fewer the head learns from them too."""
    test: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """The share of images that only measures how good the model is."""
    min_images: Annotated[int, Field(ge=3)] = 20
    """The fewest images of a category; with fewer the run stops."""


class BackboneSettings(Settings):
    """The pretrained network that turns pictures into features."""

    name: Annotated[str, Field(min_length=1)] = "efficientnet-lite0"
    """The network: efficientnet-lite0, vgg16, or any name in keras.applications, such as MobileNetV2."""
    weights: Place | None = None
    """A local file with the network's weights. Without it they are the ones that come with the backbone, or Keras's
    `imagenet`. `random` means none: the network learns from scratch, which needs `tune.blocks: all`."""
    batch: Annotated[int, Field(ge=1)] = 32
    """How many images go through the network at a time."""


class HeadSettings(Settings):
    """The small network on top of the backbone, which is trained."""

    target: Literal["length", "category"] = "length"
    """What the head predicts: `length`, in cm, or `category`, with its probability."""
    preset: Literal["graft", "tutorial"] = "graft"
    """How the head is built. `graft` weighs the categories' mean lengths by their probabilities. `tutorial` is the
    tutorial's head: Dense 256 relu, Dense 1, RMSProp 0.001, mean squared error, 100 steps of 6 images; the settings
    below do not apply to it."""
    epochs: Annotated[int, Field(ge=1)] = 200
    """How many times at most training goes over all features. Each time is one step of L-BFGS; it needs some twenty."""
    patience: Annotated[int, Field(ge=1)] = 20
    """With more than 4,096 images, or 797 with vgg16, training stops after so many epochs without a better validation
    loss, at most 5. With fewer images it ends by itself."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """The L2 penalty on the head's weights. Cross-validation on the train and validation split tries others around it,
    from a tenth of it to 1000 times as much, and those that are best count."""


class TuneSettings(Settings):
    """Fine-tuning: the last part of the backbone learns too, and then the head, on the features that come of it.

    It learns lengths where the lists have them, else the category, from pictures that are flipped each time, and for
    categories cropped and lit differently too.
    """

    blocks: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """How many of the backbone's last blocks learn: 0 for none, or `all`. A block has weights to learn; the last one of
    efficientnet-lite0 is a single convolution."""
    epochs: Annotated[int, Field(ge=1)] = 5
    """How many times at most fine-tuning goes over all training images."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    """The step size of the optimiser, Adam. It is small, so that the backbone keeps what it learnt before; to learn
    from scratch, 1e-3 is usual."""
    batch: Annotated[int, Field(ge=1)] = 16
    """How many images one step of fine-tuning learns from."""


class GateSettings(Settings):
    """When a new model, the candidate, replaces the one in use, the champion."""

    samples: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """How many bootstrap samples the intervals are computed from."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """The confidence of every interval, and of the decision for the candidate or against it."""


class EngineSettings(Settings):
    """What fetches and embeds: threads of this machine, or a Dask cluster."""

    kind: Literal["threads", "dask"] = "threads"
    """`threads` of this machine, or the workers of a `dask` cluster."""
    address: SchedulerAddress | None = None
    """The address of the cluster's scheduler, as tcp://HOST:PORT."""

    @model_validator(mode="after")
    def _check_address(self) -> "EngineSettings":
        if (self.kind == "dask") != (self.address is not None):
            raise ValueError("kind: dask and an address go together; write {kind: dask, address: tcp://HOST:8786}")
        return self


class Config(Settings):
    """One job: its categories, and how their links are fetched, learnt from and judged."""

    name: SafeName
    """The job's name, as the dashboard shows it."""
    store: Place = "artifacts"
    """Where everything is kept: a folder, or any fsspec URL such as s3://bucket/prefix."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """The number that all randomness comes from: labels, splits and training. The same seed gives the same ones."""
    reports_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = "http://127.0.0.1:4201"
    """Where the dashboard's links find the reports: the URL of `regraft serve`, or of what serves your bucket."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """What TensorFlow computes on: `cpu`, `gpu`, or `auto`, which is a GPU where there is one."""
    engine: EngineSettings = EngineSettings()
    """What fetches and embeds: this machine, or a cluster."""
    categories: Annotated[dict[SafeName, Category], Field(min_length=2)]
    """The categories by name, two or more."""
    fetch: FetchSettings = FetchSettings()
    """How links are fetched."""
    screen: ScreenSettings = ScreenSettings()
    """Which pictures are fit to learn from."""
    split: SplitSettings = SplitSettings()
    """Which share of the images is held out."""
    backbone: BackboneSettings = BackboneSettings()
    """The pretrained network that turns pictures into features."""
    head: HeadSettings = HeadSettings()
    """The small network on top of the backbone, which is trained."""
    tune: TuneSettings = TuneSettings()
    """Whether the backbone learns too."""
    gate: GateSettings = GateSettings()
    """When a new model, the candidate, replaces the one in use, the champion."""

    @model_validator(mode="after")
    def _check_something_learns(self) -> "Config":
        if self.backbone.weights == "random" and self.tune.blocks != "all":
            raise ValueError("backbone.weights: random needs `tune: {blocks: all}`, or the backbone would never learn")
        return self

    @model_validator(mode="after")
    def _check_target_of_preset(self) -> "Config":
        if self.head.preset == "tutorial" and self.head.target == "category":
            raise ValueError("head.preset: tutorial predicts lengths only; write `target: length`, or `preset: graft`")
        return self


def contradictions(config: Config) -> Iterator[str]:
    """Yield a sentence for each setting that another makes pointless, as `field: what is wrong; what to do`.

    Each setting is fine by itself, and a version that was published with them stays one: so the model accepts them.
    """
    if config.screen.min_side**2 > config.screen.max_pixels:
        yield "screen.min_side: a picture with such sides has more pixels than screen.max_pixels; change one."
    by_name: dict[str, str] = {}
    by_list: dict[tuple[str, str | None], str] = {}
    for name, category in config.categories.items():
        field = f"categories.{name}"
        if (other := by_name.setdefault(name.casefold(), name)) != name:
            yield f"{field}: differs from `{other}` in capitals only, as some file systems do not; choose another name."
        place = category.list if "://" in category.list else os.path.normpath(category.list)
        if (other := by_list.setdefault((place, category.url_column), name)) != name:
            yield f"{field}.list: is the list of `{other}` too; each category has its own."
        if category.url_column is not None and category.url_column == category.label_column:
            yield f"{field}.label_column: is `url_column` too; name two columns."
        if category.label is not None and _clips_all_lengths(category.label):
            yield f"{field}.label: nearly all lengths lie beyond min or max, and would be the same; change them."


def _clips_all_lengths(label: Normal) -> bool:
    """Whether hardly any of the lengths that are drawn lies between min and max."""
    farthest = MAX_DEVIATIONS * label.std
    is_below = label.min is not None and label.min > label.mean + farthest
    return is_below or (label.max is not None and label.max < label.mean - farthest)
