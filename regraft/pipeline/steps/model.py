"""From pictures to a published version: they are labelled, embedded and learnt from, and what is learnt is measured."""

import contextlib
from collections.abc import Callable

import pandas as pd

from regraft.backbones import embedding
from regraft.backbones.classifier import classifier_of
from regraft.backbones.extractor import Extractor
from regraft.backbones.weights import RANDOM
from regraft.config import Config
from regraft.dataset import misfiled
from regraft.dataset.honouring import Rulings, decisions_in
from regraft.dataset.list_columns import list_columns
from regraft.dataset.manifest import check_enough, check_vary, manifest_of
from regraft.dataset.neighbours import find_misfiled
from regraft.dataset.splits import splits_of
from regraft.judging.evaluation import Terms
from regraft.judging.holdout import holdout, misfiled_of_test_split
from regraft.pipeline import publish as publishing
from regraft.pipeline.bench import Bench
from regraft.pipeline.finished import Finished
from regraft.pipeline.handover import put_evaluation, put_manifest, put_screened, read_evaluation, read_screened
from regraft.pipeline.results import Chunk, Embedded, Evaluated, Learnt, Links, Manifest, Screened, TrainedHead
from regraft.pipeline.reuse import reusable_version, standing_evaluation
from regraft.reporting.report import Report
from regraft.store import versions
from regraft.store.run_record import PrefectRun
from regraft.store.store import Store
from regraft.targets.choice import target_of
from regraft.targets.labelling import Labelling
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import IMAGE_COLUMNS


def label(screened: Screened, links: Links, bench: Bench) -> Manifest:
    """Return the manifest. Raises TooFewImages, or ConfigError where labels do not vary."""
    with bench.meter.step("label"):
        config = bench.config
        pictures, lengths = (bench.drafts.table(digest) for digest in (screened.pictures, links.lengths))
        labelling = Labelling.of(config)
        pictures = pictures[labelling.have_labels(pictures, lengths)].reset_index(drop=True)
        labels = labelling.labels(pictures, lengths)
        manifest = manifest_of(pictures, labels, config.split, config.seed)
        check_enough(manifest, config.categories, config.split)
        check_vary(manifest)
        return put_manifest(manifest, links.columns, bench.drafts)


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


def embed(chunk: Chunk, bench: Bench) -> Embedded:
    """Have the store hold features of a chunk's images. Needs all cores, or the GPU where TensorFlow sees one."""
    progress = bench.meter.expect("embed", chunk.stop - chunk.start)
    digests = bench.drafts.table(chunk.table)["digest"].tolist()[chunk.start : chunk.stop]
    with bench.all_cores:
        device, backbone = bench.use_device(), bench.embedder
        computed = embedding.embed(digests, backbone, bench.store, bench.config.backbone.batch, progress)
        computed += len(bench.early.computed.intersection(digests)) if bench.early else 0
        _keep_network(backbone.fingerprint, lambda: bench.backbone.litert, bench.store)
        return Embedded(backbone.fingerprint, computed, device)


def drop_misfiled(
    screened: Screened, manifest: Manifest, embedded: Embedded, bench: Bench
) -> tuple[Screened, Manifest]:
    """Return links and manifest without the pictures that could not be embedded, and those that are in the wrong list.

    The store remembers the latter. Raises TooFewImages where too few are left.
    """
    with bench.meter.step("drop misfiled"):
        rows = bench.drafts.table(manifest.table)
        known = bench.store.features.known(embedded.fingerprint, rows["digest"].tolist())
        undecoded = rows[~rows["digest"].isin(known)]
        rows = rows.drop(undecoded.index)
        before = read_screened(screened, bench.drafts)
        in_wrong_list = _misfiled(rows, embedded, bench) if _may_be_misfiled(bench.config) else rows.iloc[:0]
        in_wrong_list = in_wrong_list[~in_wrong_list["digest"].isin(before.learnt_by_decision)]
        if undecoded.empty and in_wrong_list.empty:
            return screened, manifest
        left = rows[~misfiled.is_among(rows, in_wrong_list)].reset_index(drop=True)
        left["split"] = splits_of(left, bench.config.split, bench.config.seed)
        check_enough(left, bench.config.categories, bench.config.split)
        screened_left = before.without_undecoded(undecoded).without_misfiled(in_wrong_list)
        return put_screened(screened_left, bench.drafts), put_manifest(left, manifest.columns, bench.drafts)


def _may_be_misfiled(config: Config) -> bool:
    """Whether misfiled pictures are looked for: nearness by random weights means nothing."""
    return config.screen.misfiled and config.backbone.weights != RANDOM


def _misfiled(rows: pd.DataFrame, embedded: Embedded, bench: Bench) -> pd.DataFrame:
    """Those of the manifest's rows that are in the wrong list, and were not known to be; the store remembers them."""
    suspects = find_misfiled(rows, embedding.lookup(rows["digest"].tolist(), embedded.fingerprint, bench.store))
    misfiled.remember_doubtful(suspects.doubtful, bench.store)
    return misfiled.remember(suspects.misfiled, bench.store, bench.spec.now)


def tune(manifest: Manifest, embedded: Embedded, bench: Bench) -> Embedded:
    """Return the features of the backbone once it has learnt. Needs all cores, or the GPU where there is one."""
    bench.use_device()
    from regraft.heads import tuning

    config, store = bench.config, bench.store
    rows = bench.drafts.table(manifest.table)
    digests = rows["digest"].tolist()
    backbone = _extractor(embedded, bench).backbone()  # not the bench's own, whose weights must stay
    is_drawn = SyntheticLabels.of(config).are_all_of(rows[rows["split"] == "train"])
    lesson: tuning.Lesson = "length" if target_of(config).regresses_lengths and not is_drawn else "category"
    features = None if config.backbone.weights == RANDOM else embedding.lookup(digests, embedded.fingerprint, store)
    progress = bench.meter.expect("tune", tuning.max_steps(rows, config.tune))
    tuned = tuning.tune(rows, backbone, features, lesson, store.blobs, config.tune, config.seed, progress)
    progress = bench.meter.expect("embed again", len(rows))
    computed = embedding.embed(digests, tuned.backbone, store, config.backbone.batch, progress)
    _keep_network(tuned.backbone.fingerprint, lambda: tuned.backbone.litert, store)
    return Embedded(
        tuned.backbone.fingerprint,
        embedded.computed + computed,
        embedded.device,
        tuned=bench.drafts.put(tuned.weights),
        history=tuned.history,
    )


def train(manifest: Manifest, embedded: Embedded, bench: Bench) -> TrainedHead:
    """Return a head trained on the features in the store. Needs all cores for some seconds."""
    bench.use_device()
    from regraft.heads import training

    config = bench.config
    with bench.meter.step("train"):
        rows = bench.drafts.table(manifest.table)
        features = embedding.lookup(rows["digest"].tolist(), embedded.fingerprint, bench.store)
        synthetic = SyntheticLabels.of(config)
        classifier = classifier_of(config.backbone, features.shape[1])
        trained = training.train(rows, features, target_of(config), config.head, synthetic, config.seed, classifier)
        predictions = trained.head.predictions(rows[IMAGE_COLUMNS], features).assign(left_out=trained.left_out)
        head = bench.drafts.put(trained.head.to_bytes())
        return TrainedHead(head, bench.drafts.put_table(predictions), {**trained.history, **embedded.history})


def evaluate(learnt: Learnt, bench: Bench) -> Evaluated:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    with bench.meter.step("evaluate"):
        rows, links = (bench.drafts.table(digest) for digest in (learnt.manifest.table, learnt.screened.links))
        config, labelling = bench.config, Labelling.of(bench.config)
        decisions = decisions_in(bench.drafts.table(learnt.screened.decisions))
        rulings = Rulings(decisions, config.categories, config.screen.near)
        held_out = holdout(rows, links, labelling, config.screen, bench.store, rulings)
        if learnt.model_of is not None:
            version = versions.version(bench.store, learnt.model_of)
            if known := standing_evaluation(version, held_out, config):
                return put_evaluation(known, bench.drafts)
        bench.use_device()
        from regraft.heads.cross_validation import MAX_IMAGES
        from regraft.heads.side_by_side import one_blas_thread
        from regraft.judging import evaluate as judging

        candidate = judging.Candidate(
            head=bench.drafts.read(learnt.head.head),
            predictions=bench.drafts.table(learnt.head.predictions),
            extractor=_extractor(learnt.embedded, bench),
        )
        held_out, left_out = (
            _embedded(images, candidate.extractor, bench)
            for images in (held_out, misfiled_of_test_split(links, labelling))
        )
        # Of few images several cores would mostly wait for one another.
        with one_blas_thread() if len(rows) <= MAX_IMAGES else contextlib.nullcontext():
            evaluation = judging.evaluate(rows, held_out, left_out, candidate, Terms.of(config), bench.store)
        return put_evaluation(evaluation, bench.drafts)


def _embedded(images: pd.DataFrame, extractor: Extractor, bench: Bench) -> pd.DataFrame:
    """Images without those that cannot be embedded: their bytes are gone or do not decode."""
    known = extractor.embedded(images["digest"].tolist(), bench.store)
    return images[images["digest"].isin(known)].reset_index(drop=True)


def publish(learnt: Learnt, evaluated: Evaluated, flow_run: PrefectRun, bench: Bench) -> Report:
    """Publish one immutable version, move the champion if the gate said so, and return the version's report."""
    with bench.meter.step("publish"):
        drafts, embedded, head = bench.drafts, learnt.embedded, learnt.head
        screened, manifest = read_screened(learnt.screened, drafts), drafts.table(learnt.manifest.table)
        unlabelled = screened.pictures[~screened.pictures["digest"].isin(manifest["digest"])]
        finished = Finished(
            screened=screened.without_unlabelled(unlabelled),
            manifest=manifest,
            list_columns=list_columns(manifest, learnt.manifest.columns, drafts),
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


def _keep_network(fingerprint: str, litert: Callable[[], bytes | None], store: Store) -> None:
    """Have the store hold a backbone, so that whoever embeds or predicts need not import TensorFlow for it."""
    if store.networks.read(fingerprint) is None and (network := litert()) is not None:
        store.networks.put(fingerprint, network)


def _extractor(embedded: Embedded, bench: Bench) -> Extractor:
    """What makes the features."""
    tuned = bench.drafts.read(embedded.tuned) if embedded.tuned else None
    return Extractor(bench.config.backbone, embedded.fingerprint, tuned)
