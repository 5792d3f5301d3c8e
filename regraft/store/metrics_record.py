"""metrics.json: how good a version's model is."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from regraft.store.records import SCHEMA, FileRecord, Record, read_record, renamed


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


class MetricsRecord(FileRecord):
    """metrics.json: how good a version's model is, and why it became champion or not."""

    file: ClassVar[str] = "metrics.json"
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


def read_metrics(data: bytes) -> MetricsRecord:
    """Return metrics.json. Raises VersionError where a newer Regraft wrote it, DamagedVersionError on damage."""
    return read_record(data, MetricsRecord, _metrics_without_schema)


def _metrics_without_schema(old: dict[str, Any]) -> dict[str, Any]:
    """Bring metrics.json from before schema numbers to schema 1."""
    test = dict(old["test"])
    kind = "category" if "accuracy" in test else "length"
    today = renamed(old, {"against": "rivals", "change": "attribution"})
    return today | {"schema": SCHEMA, "test": test | {"kind": kind}}
