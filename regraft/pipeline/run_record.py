"""run.json of a finished run: from what, with what and in what time its version was made."""

from collections.abc import Mapping
from datetime import UTC, datetime

from regraft.config import Config
from regraft.links.rot import is_from_archive
from regraft.pipeline.finished import Finished
from regraft.pipeline.provenance import commit, libraries
from regraft.pipeline.reuse import model_fingerprint
from regraft.store.run_record import Counts, RunRecord
from regraft.store.tables import counts_in
from regraft.verdicts import Verdict

LOSS_DECIMALS = 6


def run_record(finished: Finished, config: Config, parent: str | None, timings: Mapping[str, float]) -> RunRecord:
    """Return run.json without the digests of files, which are not made yet. `timings`: seconds by step."""
    screened = finished.screened
    return RunRecord(
        config=config,
        seed=config.seed,
        published_at=datetime.now(UTC).replace(microsecond=0),
        commit=commit(),
        libraries=libraries(),
        model_fingerprint=model_fingerprint(finished.manifest, config),
        model_of=finished.reused.name if finished.reused else None,
        device=finished.device,
        timings=dict(timings),
        counts=Counts(
            links=len(screened.links),
            verdicts={Verdict(name): count for name, count in counts_in(screened.links["verdict"]).items()},
            outcomes=counts_in(screened.links["outcome"]),
            images=counts_in(finished.manifest["category"]),
            archived=counts_in(screened.links["category"][is_from_archive(screened.links)]),
            features_computed=finished.features_computed,
        ),
        decisions=counts_in(screened.decisions["kind"][screened.decisions["links"] > 0]),
        survival=screened.survival,
        backbone_fingerprint=finished.backbone_fingerprint,
        parent=parent,
        prefect=finished.prefect,
        history={curve: [round(loss, LOSS_DECIMALS) for loss in losses] for curve, losses in finished.history.items()},
    )
