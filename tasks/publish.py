"""Publish the version, and show it in the dashboard."""

from prefect import runtime, task
from prefect.cache_policies import NO_CACHE

from regraft.judging.evaluation import Evaluation
from regraft.pipeline import publish as publishing
from regraft.pipeline.bench import Bench
from regraft.pipeline.finished import Finished
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Learnt
from regraft.store.records import PrefectRun
from regraft.tasks.dashboard.artifacts import create_artifacts
from regraft.tasks.dashboard.events import emit_events


@task(name="publish", cache_policy=NO_CACHE)
def publish(learnt: Learnt, evaluation: Evaluation, spec: RunSpec) -> str:
    """Publish one immutable version, move the champion if the gate said so, and return the version's name."""
    bench, embedded = Bench.of(spec), learnt.embedded
    with bench.meter.step("publish"):
        finished = Finished(
            screened=learnt.screened,
            manifest=learnt.manifest,
            evaluation=evaluation,
            head=learnt.head.head,
            history=learnt.head.history,
            backbone_fingerprint=embedded.fingerprint,
            features_computed=embedded.computed,
            device=embedded.device,
            prefect=PrefectRun(flow_run_id=str(runtime.flow_run.id), flow_run_name=str(runtime.flow_run.name)),
            tuned=embedded.tuned,
            reused=embedded.same,
        )
        report = publishing.publish(finished, spec.config, bench.store, bench.meter)
        create_artifacts(report)
        emit_events(report)
        return report.version
