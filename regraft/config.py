"""The settings of a job, refused with the field's name before anything is fetched."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from regraft.errors import ConfigError

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

    @property
    def named(self) -> tuple[str, ...]:
        """The categories that the head names, in the order of its probabilities; none where it gives lengths."""
        return named(self.categories, self.head.target)


def named(categories: Iterable[str], target: str) -> tuple[str, ...]:
    """Return which of a job's categories a head with that `head.target` names, in the order of its probabilities."""
    return tuple(sorted(categories)) if target == "category" else ()


def load_config(path: str | Path, lists: Mapping[str, str] | None = None) -> Config:
    """Return the config in a YAML file, with `lists` in place of its categories' lists.

    Paths of lists and weights in the file are relative to the file's folder, paths in `lists` to the current one.
    Raises ConfigError naming the file, the field, and what to write instead.
    """
    path = Path(path)
    told = _yaml_mapping(path)
    categories = told.get("categories")
    if isinstance(categories, dict):
        for category in categories.values():
            if isinstance(category, dict) and isinstance(category.get("list"), str):
                category["list"] = _beside(path.parent, category["list"])
    backbone = told.get("backbone")
    if isinstance(backbone, dict) and isinstance(weights := backbone.get("weights"), str) and weights != "random":
        backbone["weights"] = _beside(path.parent, weights)
    for name, source in (lists or {}).items():
        if not isinstance(categories, dict) or not isinstance(categories.get(name), dict):
            known = ", ".join(map(str, categories)) if isinstance(categories, dict) else "none"
            raise ConfigError(f"--list {name}={source}: {path} has no category {name!r}; it has: {known}.")
        categories[name]["list"] = source
    return parse_config(told, where=str(path))


def parse_config(told: Mapping[str, Any], where: str = "config") -> Config:
    """Return the config told by a mapping. Raises ConfigError with one line for each field that is wrong."""
    try:
        return Config.model_validate(told)
    except ValidationError as error:
        lines = [_one_line(problem) for problem in error.errors()]
        raise ConfigError(f"{where} is refused; nothing was fetched.\n" + "\n".join(lines)) from error


def _yaml_mapping(path: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no config {path}. Write one with `regraft init`.") from None
    except OSError as error:
        raise ConfigError(f"The config {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        reason = getattr(error, "problem", None) or "not text"
        raise ConfigError(f"The config {path} is not YAML{line}: {reason}.") from error
    if not isinstance(told, dict):
        raise ConfigError(f"The config {path} must hold `key: value` lines; found {type(told).__name__}.")
    return told


def _beside(folder: Path, source: str) -> str:
    if "://" in source or source.startswith("menagerie:") or Path(source).is_absolute():
        return source
    return str(folder / source)


def _one_line(problem: Any) -> str:
    """One validation problem as `field: what is wrong; what to write`."""
    where = [str(part) for part in problem["loc"] if part != "[key]"]
    field = ".".join(where)
    match problem["type"]:
        case "extra_forbidden":
            known = _keys_at(where[:-1])
            near = difflib.get_close_matches(where[-1], known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}."
            return f"  {field}: unknown key; {hint}"
        case "missing":
            return f"  {field}: missing; {_description(where) or 'write it'}"
        case "too_short" if field == "categories":
            return "  categories: at least two are needed, each with a `list` and a `label`."
        case _:
            found = problem.get("input")
            shown = "" if isinstance(found, dict | list) else f" (found {found!r})"
            said = problem["msg"].removeprefix("Value error, ")
            said = said.replace("Input should", "should")
            description = _description(where)
            return f"  {field}: {said}{shown}" + (f"; it is: {description}" if description else "")


def _model_at(where: list[str]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Config
    i = 0
    while i < len(where) and model is not None:
        if model is Config and where[i] == "categories":
            model, i = Category, i + 2
        elif model is Category and where[i] == "label":
            model, i = Normal, i + 1
        else:
            field = model.model_fields.get(where[i])
            kind = field.annotation if field else None
            model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
            i += 1
    return model


def _keys_at(where: list[str]) -> list[str]:
    model = _model_at(where)
    return list(model.model_fields) if model else []


def _description(where: list[str]) -> str:
    if not where:
        return ""
    model = _model_at(where[:-1])
    field = model.model_fields.get(where[-1]) if model else None
    return (field.description or "") if field else ""
