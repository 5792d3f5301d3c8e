"""run.json: how a version was made."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BeforeValidator

from regraft.config import Config
from regraft.identity import Digest
from regraft.store.records import SCHEMA, FileRecord, Record, read_record, renamed
from regraft.verdicts import Verdict


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


@dataclass(frozen=True, kw_only=True)
class PastVersion:
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


class RunRecord(FileRecord):
    """run.json: from what, with what and in what time a version was made."""

    file: ClassVar[str] = "run.json"
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


def read_run(data: bytes) -> RunRecord:
    """Return run.json. Raises VersionError where a newer Regraft wrote it, DamagedVersionError on damage."""
    return read_record(data, RunRecord, _run_without_schema)


def _run_without_schema(old: dict[str, Any]) -> dict[str, Any]:
    """Bring run.json from before schema numbers to schema 1."""
    names = {"recipe": "model_fingerprint", "fingerprint": "backbone_fingerprint", "code": "commit"}
    return renamed(old, names) | {"schema": SCHEMA}
