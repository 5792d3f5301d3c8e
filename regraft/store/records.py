"""The JSON files of a version: metrics.json says how good its model is, run.json how the version was made.

Both are typed records with a schema number. Files that were written before there was one are read by a migration; files
of a newer Regraft are refused with a sentence.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from regraft.config import Config
from regraft.errors import DamagedVersionError, VersionError
from regraft.identity import Digest
from regraft.verdicts import Verdict

SCHEMA: Final = 1
"""The schema that is written, and the newest that can be read."""


class Record(BaseModel):
    """A frozen part of a JSON file that knows all of its keys. Numbers that are not finite are written as text."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="strings",
        validate_by_name=True,
        serialize_by_alias=True,
    )

    def to_bytes(self) -> bytes:
        """Return the record as indented UTF-8 JSON; `read_metrics` and `read_run` give the equal record back."""
        return (self.model_dump_json(indent=1) + "\n").encode()


class Interval(NamedTuple):
    """Where a measure lies with the confidence of the config's gate, images resampled; in the measure's unit."""

    low: float
    high: float


class LengthScores(Record):
    """How far predicted lengths are from the labels, over some images. All but `n` in cm."""

    n: int
    """Images."""
    rmse: float
    """Root of the mean squared error."""
    mae: float
    """Mean absolute error."""
    bias: float
    """Mean error; positive where predictions are too long."""
    intervals: dict[str, Interval] = {}
    """By measure; a measure that cannot be resampled has none."""


class LengthResults(LengthScores):
    """How good a head that answers lengths is, over the test split."""

    kind: Literal["length"] = "length"
    """Tells the two kinds of results apart."""
    r2: float | None
    """Share of the labels' variance that is explained; None where all labels are equal."""
    auc: float | None
    """How well the predicted length tells categories apart, 0.5 to 1; None where there is one category."""
    by_category: dict[str, LengthScores]
    """The same of each category's images."""

    @property
    def accuracy(self) -> None:
        """None: a length is near or far, never right."""
        return None


class CategoryScores(Record):
    """How well the images of one category are classified."""

    n: int
    """Images."""
    rmse: float
    """Root of the mean squared error of the probabilities, 0 to 1."""
    accuracy: float
    """Share of these images that are classified right (the category's recall)."""
    precision: float | None
    """Share right of the images classified as this category; None where there is no such image."""
    intervals: dict[str, Interval] = {}
    """By measure; a measure that cannot be resampled has none."""


class CategoryResults(Record):
    """How good a head that answers categories is, over the test split."""

    kind: Literal["category"] = "category"
    """Tells the two kinds of results apart."""
    n: int
    """Images."""
    accuracy: float
    """Share of images that are classified right."""
    log_loss: float
    """Mean negative logarithm of the true category's probability, in nats."""
    rmse: float
    """Root of the mean squared error of the probabilities, 0 to 1."""
    auc: float | None
    """Mean area under the ROC curve over pairs of categories; None where there is one category."""
    intervals: dict[str, Interval] = {}
    """By measure."""
    by_category: dict[str, CategoryScores]
    """Of each category's images."""
    confusion: dict[str, dict[str, int]]
    """Images by true category, then by the category that the head gave; where there are none, nothing is listed."""


Results = Annotated[LengthResults | CategoryResults, Field(discriminator="kind")]
"""How good a head is over the test split."""


class OracleErrors(Record):
    """The best that is possible for who knows an image's category and nothing else, in cm."""

    rmse: float
    """Of each category's mean."""
    mae: float
    """Of each category's median."""


class Rival(Record):
    """A cheaper or older way to answer, on the same images. In cm, or of the categories' probabilities."""

    rmse: float
    """The rival's root of the mean squared error."""
    mae: float
    """The rival's mean absolute error."""
    difference: float
    """The model's RMSE less the rival's: negative where the model is better."""
    low: float
    """Lower end of the difference's interval."""
    high: float
    """Upper end of the difference's interval."""


class Strays(Record):
    """Test images that are predicted nearer to another category's mean than to their own."""

    n: int
    """Images."""
    excess: float | None = None
    """The excess over the oracle without them; None where there is no oracle."""


class Leak(Record):
    """Whether the predictions know more of the labels than pictures can tell."""

    p: float
    """Probability that the predictions go with the labels' noise by chance."""
    alarm: bool
    """Whether that is too small to believe."""


class MisfiledScores(Record):
    """What the results would be with the misfiled pictures, which are left out of the test split."""

    n: int
    """Misfiled pictures of the test split."""
    accuracy: float | None = None
    """Share classified right with them; None where lengths are predicted or where there are none."""
    rmse: float | None = None
    """RMSE with them, in cm; None where categories are predicted or where there are none."""
    excess: float | None = None
    """Excess over the oracle with them; None where there is no oracle."""


class Comparison(Record):
    """The model beside the champion of its day, on the same held-out images. In cm, or of the probabilities."""

    version: str
    """The champion."""
    n: int
    """Images compared on."""
    rmse: float
    """The champion's RMSE."""
    difference: float
    """The model's RMSE less the champion's: negative where the model is better."""
    low: float
    """Lower end of the difference's interval."""
    high: float
    """Upper end of the difference's interval."""
    detectable: float | None = None
    """The smallest difference, as a share of the champion's RMSE, that so many images would most likely show."""


class Attribution(Record):
    """Why the error on the holdout differs from the champion's. RMSE, in cm or of the probabilities."""

    lost_data: float
    """Of a head trained on those of the champion's images that are left, less that of one trained on all of them; where
    there are many images, both on a sample."""
    changed_data: float
    """The rest of the difference: what new images, new labels and new settings have done."""
    training_noise: float
    """How far another training seed alone moves a head trained on the champion's images."""


class Certainty(Record):
    """How far intervals of lengths, or sets of categories, may be trusted, over some images of the test split."""

    n: int
    """Images."""
    held: float
    """Share of the images whose label is in its interval, or whose category is in its set; 0.9 is wanted."""
    extent: float
    """Mean width of the intervals in cm, or mean number of categories in a set."""


class CertaintyResults(Certainty):
    """The same over the whole test split, and of each category."""

    by_category: dict[str, Certainty]
    """Of each category's images."""


class MetricsRecord(Record):
    """metrics.json: how good a version's model is, and why it became champion or not."""

    file: ClassVar[str] = "metrics.json"
    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    """The schema number."""
    test: Results
    """The results over the test split."""
    oracle: OracleErrors | None
    """None where labels are real, and where categories are predicted: there the best possible is no error."""
    excess: float | None
    """By which share the RMSE is above the oracle's; None where there is no oracle."""
    rivals: dict[str, Rival] = {}
    """Other ways to answer, by name."""
    strays: Strays | None = None
    """None where there is no oracle."""
    leak: Leak | None = None
    """None where there is no oracle."""
    certainty: CertaintyResults | None = None
    """None in versions of earlier Regrafts."""
    misfiled: MisfiledScores = MisfiledScores(n=0)
    """What the results would be with the misfiled pictures."""
    champion: Comparison | None = None
    """None where there was no champion, or nothing to compare on."""
    attribution: Attribution | None = None
    """None where there is no difference, or where its reasons cannot be found out."""
    promoted: bool
    """Whether the version became champion when it was published."""
    why: str
    """One sentence for people."""


class Counts(Record):
    """How many of what a run had."""

    links: int
    """Links in the lists."""
    verdicts: dict[Verdict, int]
    """Links by verdict; a verdict that no link has is left out."""
    outcomes: dict[str, int]
    """Links by what came of asking: fetched, not_modified and so on."""
    images: dict[str, int]
    """Images of the manifest by category."""
    archived: dict[str, int] = {}
    """Alive links by category whose picture is a web archive's: it stays, though the link is dead."""
    features_computed: int
    """Images whose features were not in the store yet."""

    @property
    def alive(self) -> int:
        """Links that show a picture to learn from."""
        return self.verdicts.get(Verdict.ALIVE, 0)


class LinkCount(Record):
    """How many links of a category showed a picture at one time."""

    at: AwareDatetime
    ever_alive: int
    """Links that ever showed a picture."""
    alive: int
    """Links that did then."""
    revived: int
    """Links that had gone down and showed one again, since the count before."""


class Survival(Record):
    """How many links of a category still show a picture, of those that ever did."""

    ever_alive: int
    """Links that ever showed a picture."""
    alive: int
    """Links that still do."""
    share: float | None
    """Those that still do, 0 to 1; None where none ever did."""
    counts: tuple[LinkCount, ...] = ()
    """The counts of this version and of those before it, the oldest first."""


class PrefectRun(Record):
    """The flow run that made the version."""

    flow_run_id: str = ""
    """A UUID; empty where Prefect was not used."""
    flow_run_name: str = ""
    """Its name in the dashboard."""


class FileChange(Record):
    """A file of a version before and after something was removed from it."""

    before: Digest
    """The digest that it was published with."""
    after: Digest | None
    """Its digest since then; None where it was damaged, and therefore removed."""


class RemovalNote(Record):
    """What somebody had removed from a version: the one exception to that a published version never changes."""

    removed_at: AwareDatetime
    """When; the receipt with that time says what."""
    pictures: int
    """Pictures of its manifest."""
    learnt: int
    """Those of them that its head has learnt from."""
    files: dict[str, FileChange]
    """What changed, by path in the version."""


def _without_unknown_keys(config: Any) -> Any:
    """A config of another Regraft may have other settings; what is unknown here is passed over."""
    return Config.model_validate(config, extra="ignore") if isinstance(config, dict) else config


class PastVersion(Record):
    """An earlier version of a job in a line. Errors are in cm, or of the categories' probabilities, 0 to 1."""

    version: str
    """Its name."""
    target: Literal["length", "category"]
    """What its head answers."""
    links: int
    """Links in the lists."""
    alive: int
    """Links that showed a picture to learn from."""
    images: int
    """Images that it learnt from and was measured on."""
    rmse: float
    """On the test split."""
    excess: float | None
    """By which share the RMSE is above the oracle's; None where there is no oracle."""
    accuracy: float | None
    """The share of test images that are classified right; None where lengths are predicted."""
    auc: float | None
    """How well predictions tell categories apart; None where there is one category."""
    promoted: bool
    """Whether it became champion when it was published."""
    why: str
    """Why it became champion or not, for people."""


class RunRecord(Record):
    """run.json: from what, with what and in what time a version was made."""

    file: ClassVar[str] = "run.json"
    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    """The schema number."""
    config: Annotated[Config, BeforeValidator(_without_unknown_keys)]
    """The job's config as it ran."""
    seed: int
    """The config's seed."""
    published_at: AwareDatetime
    """When, to the second."""
    commit: str = ""
    """The commit of Regraft's code; empty where it did not run from a checkout."""
    libraries: dict[str, str] = {}
    """Versions of Python and of what does the computing, by name."""
    model_fingerprint: Digest = Digest("")
    """Digest of all that the model is made from; empty in versions that were published before there was one."""
    model_of: str | None = None
    """The version whose model this is too, where nothing had changed; None where it was trained anew."""
    device: str
    """What TensorFlow computed on."""
    timings: dict[str, float]
    """Seconds by step."""
    counts: Counts
    """How many links and images."""
    decisions: dict[str, int] = {}
    """Decisions of persons that held for links of this run, by kind."""
    survival: dict[str, Survival] = {}
    """By category."""
    backbone_fingerprint: str
    """Names the backbone, its weights and its preprocessing; features lie under it."""
    parent: str | None
    """The version published before; None for the first."""
    past: tuple[PastVersion, ...] = ()
    """The job's versions before it, the oldest first, as its report lists them: the next run need not read them all."""
    prefect: PrefectRun = PrefectRun()
    """The flow run that made it."""
    history: dict[str, list[float]]
    """Loss by epoch: loss, val_loss, and tune_loss, tune_val_loss where the backbone was fine-tuned."""
    removals: tuple[RemovalNote, ...] = ()
    """What somebody had removed since."""
    files: dict[str, Digest] = {}
    """Digest of each other file of the version, by its path in it; empty in versions that were published before
    these were kept."""


def read_metrics(data: bytes) -> MetricsRecord:
    """Return metrics.json. Raises VersionError where a newer Regraft wrote it, DamagedVersionError on damage."""
    return _read(data, MetricsRecord, _metrics_without_schema)


def read_run(data: bytes) -> RunRecord:
    """Return run.json. Raises VersionError where a newer Regraft wrote it, DamagedVersionError on damage."""
    return _read(data, RunRecord, _run_without_schema)


R = TypeVar("R", MetricsRecord, RunRecord)


def _read(data: bytes, kind: type[R], migrated: Callable[[dict[str, Any]], dict[str, Any]]) -> R:
    try:
        content = from_json(data)
    except ValueError as error:
        raise DamagedVersionError(f"{kind.file} is damaged: it is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DamagedVersionError(f"{kind.file} is damaged: it holds a {type(content).__name__}, not an object.")
    schema = content.get("schema", 0)
    if isinstance(schema, int) and schema > SCHEMA:
        raise VersionError(
            f"{kind.file} was written by a newer Regraft (schema {schema}; this one reads up to {SCHEMA}): "
            "install a newer Regraft to read it."
        )
    try:
        if "schema" not in content:
            return kind.model_validate(migrated(content), extra="ignore")
        return kind.model_validate(content)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise DamagedVersionError(f"{kind.file} is damaged: {_first_problem(error)}.") from error


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _metrics_without_schema(old: dict[str, Any]) -> dict[str, Any]:
    """Bring metrics.json from before schema numbers to schema 1."""
    test = dict(old["test"])
    kind = "category" if "accuracy" in test else "length"
    renamed = _renamed(old, {"against": "rivals", "change": "attribution"})
    return renamed | {"schema": SCHEMA, "test": test | {"kind": kind}}


def _run_without_schema(old: dict[str, Any]) -> dict[str, Any]:
    """Bring run.json from before schema numbers to schema 1."""
    names = {"recipe": "model_fingerprint", "fingerprint": "backbone_fingerprint", "code": "commit"}
    return _renamed(old, names) | {"schema": SCHEMA}


def _renamed(old: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in old.items()}
