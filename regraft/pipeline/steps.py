"""The steps of a run, from lists to a published version, as plain functions on one process's bench.

Each reads what it needs from the store, by the digests that the step before handed on, and puts there what it makes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from regraft.backbones import embedding
from regraft.backbones.extractor import Extractor
from regraft.backbones.weights import weights_source
from regraft.dataset import misfiled, screening
from regraft.dataset.manifest import check_enough, check_vary, manifest_of
from regraft.dataset.neighbours import find_misfiled
from regraft.errors import ListError
from regraft.fetching.shard import fetch_shard, links_by_shard
from regraft.identity import Digest
from regraft.judging.evaluation import Terms
from regraft.judging.holdout import holdout, misfiled_of_test_split
from regraft.links.lists import read_list
from regraft.links.memory import MEMORY
from regraft.pipeline import publish as publishing
from regraft.pipeline.bench import Bench
from regraft.pipeline.finished import Finished
from regraft.pipeline.handover import (
    put_evaluation,
    put_manifest,
    put_screened,
    read_evaluation,
    read_screened,
)
from regraft.pipeline.results import (
    Embedded,
    Evaluated,
    FetchedShard,
    Learnt,
    Links,
    Manifest,
    Screened,
    Shard,
    TrainedHead,
)
from regraft.pipeline.reuse import reusable_version, standing_evaluation
from regraft.reporting.report import Report
from regraft.store import versions
from regraft.store.records import PrefectRun
from regraft.targets.choice import target_of
from regraft.targets.labelling import Labelling
from regraft.targets.target import Answers
from regraft.web.client import Client


def read(bench: Bench) -> Links:
    """Return every link of every list. Raises ListError naming the list that cannot be read.

    Raises BackboneError where the backbone's weights are not there: better now than after an hour of fetching.
    """
    config = bench.config
    weights_source(config.backbone.name, config.backbone.weights)
    client = Client.of(config.fetch)
    with bench.meter.step("read"):
        lists = [read_list(name, category.list, client) for name, category in config.categories.items()]
        if not lists:
            raise ListError("The config names no list.")
        links = pd.concat(lists, ignore_index=True)
        put = bench.drafts.put_table
        shards = (
            Shard(number, part["url"].nunique(), put(part[["url", "category"]]))
            for number, part in links_by_shard(links).items()
        )
        return Links(tuple(shards), put(links.loc[links["label"].notna(), ["url", "label"]]))


def fetch(shard: Shard, bench: Bench) -> FetchedShard:
    """Check a shard's links, keep their pictures, and remember both. Raises OutageError where this machine is down."""
    config = bench.config
    links = fetch_shard(
        shard.number,
        bench.drafts.table(shard.table),
        crew=bench.crew,
        store=bench.store,
        settings=config.fetch,
        near=config.screen.near,
        since=bench.spec.since,
        progress=bench.meter.expect("fetch", shard.urls),
    )
    return FetchedShard(shard.number, len(links), bench.drafts.put_table(links))


def screen(fetched: Sequence[FetchedShard], bench: Bench) -> Screened:
    """Return the last verdicts on all links, and the pictures to learn from. Needs memory for the whole table."""
    with bench.meter.step("screen"):
        links = pd.concat([bench.drafts.table(shard.table) for shard in fetched], ignore_index=True)
        config, now = bench.config, datetime.now(UTC)
        screened = screening.screen(links[MEMORY.names], config.screen, config.split, config.seed, bench.store, now)
        return put_screened(screened, bench.drafts)


def label(screened: Screened, links: Links, bench: Bench) -> Manifest:
    """Return the manifest. Raises TooFewImages, or ConfigError where labels do not vary."""
    with bench.meter.step("label"):
        config = bench.config
        pictures, lengths = (bench.drafts.table(digest) for digest in (screened.pictures, links.lengths))
        labels = Labelling.of(config).labels(pictures, lengths)
        manifest = manifest_of(pictures, labels, config.split, config.seed)
        check_enough(manifest, config.categories, config.split)
        check_vary(manifest)
        return put_manifest(manifest, bench.drafts)


def reuse(screened: Screened, manifest: Manifest, bench: Bench) -> Learnt | None:
    """Return what the newest version has learnt, where it would come out the same; None where not."""
    with bench.meter.step("reuse"):
        rows, drafts = bench.drafts.table(manifest.table), bench.drafts
        version = reusable_version(rows, bench.config, bench.store)
        if version is None:
            return None
        predictions = rows[["digest"]].merge(version.table("predictions.parquet"), on="digest")
        about = version.run
        tuned = drafts.put(version.read("backbone.npz")) if version.has("backbone.npz") else None
        embedded = Embedded(about.backbone_fingerprint, computed=0, device=about.device, tuned=tuned)
        head = TrainedHead(drafts.put(version.read("head.keras")), drafts.put_table(predictions), about.history)
        return Learnt(screened, manifest, embedded, head, model_of=version.name)


def embed(manifest: Manifest, bench: Bench) -> Embedded:
    """Have the store hold every image's features. Needs all cores, or the GPU where TensorFlow sees one."""
    progress = bench.meter.expect("embed", manifest.images)
    digests = bench.drafts.table(manifest.table)["digest"].tolist()
    computed = embedding.embed(digests, bench.backbone, bench.store, bench.config.backbone.batch, progress)
    return Embedded(bench.backbone.fingerprint, computed, bench.use_device())


def drop_misfiled(
    screened: Screened, manifest: Manifest, embedded: Embedded, bench: Bench
) -> tuple[Screened, Manifest]:
    """Return links and manifest without the pictures that are in the wrong list; the store remembers those.

    Raises TooFewImages where too few are left.
    """
    if not bench.config.screen.misfiled:
        return screened, manifest
    with bench.meter.step("drop misfiled"):
        rows = bench.drafts.table(manifest.table)
        features = embedding.lookup(rows["digest"].tolist(), embedded.fingerprint, bench.store)
        pictures = misfiled.remember(find_misfiled(rows, features), bench.store, datetime.now(UTC))
        if pictures.empty:
            return screened, manifest
        left = rows[~misfiled.is_among(rows, pictures)].reset_index(drop=True)
        check_enough(left, bench.config.categories, bench.config.split)
        screened_left = read_screened(screened, bench.drafts).without(pictures)
        return put_screened(screened_left, bench.drafts), put_manifest(left, bench.drafts)


def train(manifest: Manifest, embedded: Embedded, bench: Bench) -> TrainedHead:
    """Return a head trained on the features in the store. Needs all cores for some seconds."""
    bench.use_device()
    from regraft.heads import training

    config = bench.config
    with bench.meter.step("train"):
        rows = bench.drafts.table(manifest.table)
        features = embedding.lookup(rows["digest"].tolist(), embedded.fingerprint, bench.store)
        trained = training.train(rows, features, target_of(config), config.head, config.seed)
        predictions = _predictions(rows, trained.head.predict(features), bench)
        return TrainedHead(bench.drafts.put(trained.head.to_bytes()), predictions, trained.history)


def tune(manifest: Manifest, embedded: Embedded, head: TrainedHead, bench: Bench) -> tuple[Embedded, TrainedHead]:
    """Return both after learning together, and the features of the tuned backbone. Needs all cores, or the GPU."""
    bench.use_device()
    from regraft.heads import tuning
    from regraft.heads.head import Head

    config, drafts = bench.config, bench.drafts
    rows = drafts.table(manifest.table)
    digests = rows["digest"].tolist()
    progress = bench.meter.expect("tune", tuning.max_steps(rows, config.tune))
    backbone = _extractor(embedded, bench).backbone()  # not the bench's own, whose weights must stay
    trained = Head.from_bytes(drafts.read(head.head), target_of(config))
    tuned = tuning.tune(rows, backbone, trained, bench.store.blobs, config.tune, config.seed, progress)
    progress = bench.meter.expect("embed again", len(rows))
    computed = embedding.embed(digests, tuned.backbone, bench.store, config.backbone.batch, progress)
    fingerprint = tuned.backbone.fingerprint
    answers = tuned.head.predict(embedding.lookup(digests, fingerprint, bench.store))
    weights, history = drafts.put(tuned.weights), {**head.history, **tuned.history}
    return (
        Embedded(fingerprint, embedded.computed + computed, embedded.device, weights),
        TrainedHead(drafts.put(tuned.head.to_bytes()), _predictions(rows, answers, bench), history),
    )


def evaluate(learnt: Learnt, bench: Bench) -> Evaluated:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    with bench.meter.step("evaluate"):
        rows, links = (bench.drafts.table(digest) for digest in (learnt.manifest.table, learnt.screened.links))
        config, labelling = bench.config, Labelling.of(bench.config)
        held_out = holdout(rows, links, labelling, config.screen, bench.store)
        if learnt.model_of is not None:
            version = versions.version(bench.store, learnt.model_of)
            if known := standing_evaluation(version, held_out, config):
                return put_evaluation(known, bench.drafts)
        bench.use_device()
        from regraft.judging import evaluate as judging

        predictions = bench.drafts.table(learnt.head.predictions)
        candidate = judging.Candidate(
            head=bench.drafts.read(learnt.head.head),
            answers=target_of(config).answers(predictions),
            extractor=_extractor(learnt.embedded, bench),
        )
        left_out = misfiled_of_test_split(links, labelling)
        evaluation = judging.evaluate(rows, held_out, left_out, candidate, Terms.of(config), bench.store)
        return put_evaluation(evaluation, bench.drafts)


def publish(learnt: Learnt, evaluated: Evaluated, flow_run: PrefectRun, bench: Bench) -> Report:
    """Publish one immutable version, move the champion if the gate said so, and return the version's report."""
    with bench.meter.step("publish"):
        drafts, embedded, head = bench.drafts, learnt.embedded, learnt.head
        finished = Finished(
            screened=read_screened(learnt.screened, drafts),
            manifest=drafts.table(learnt.manifest.table),
            evaluation=read_evaluation(evaluated, drafts),
            head=drafts.read(head.head),
            history=head.history,
            backbone_fingerprint=embedded.fingerprint,
            features_computed=embedded.computed,
            device=embedded.device,
            prefect=flow_run,
            tuned=drafts.read(embedded.tuned) if embedded.tuned else None,
            reused=versions.version(bench.store, learnt.model_of) if learnt.model_of else None,
        )
        return publishing.publish(finished, bench.config, bench.store, bench.meter)


def _predictions(rows: pd.DataFrame, answers: Answers, bench: Bench) -> Digest:
    """The draft of a head's answers to the manifest's rows."""
    return bench.drafts.put_table(target_of(bench.config).predictions(rows[["digest", "category"]], answers))


def _extractor(embedded: Embedded, bench: Bench) -> Extractor:
    """What makes the features."""
    tuned = bench.drafts.read(embedded.tuned) if embedded.tuned else None
    return Extractor(bench.config.backbone, embedded.fingerprint, tuned)
