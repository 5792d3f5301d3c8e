"""The main job, end to end, on the menagerie, on a real Prefect server."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regraft import menagerie
from regraft.config import Config
from regraft.errors import TooFewImages
from regraft.links.memory import PUBLISHED
from regraft.menagerie.archive import Kept
from regraft.menagerie.fates import Fate
from regraft.menagerie.web import LICENCE, Web
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.verdicts import Verdict
from tests.command_line import Regraft

REASONS: dict[Fate, set[str]] = {
    Fate.PHOTO: {"", "near_duplicate", "duplicate"},
    Fate.FLAKY: {""},
    Fate.MOVED: {""},
    Fate.OCTET_STREAM: {""},
    Fate.AS_HTML: {""},
    Fate.TWIN: {"duplicate", ""},
    Fate.RESAVED: {"", "near_duplicate"},
    Fate.MISFILED: {"misfiled"},
    Fate.GONE_404: {"gone"},
    Fate.GONE_410: {"gone"},
    Fate.FORBIDDEN: {"forbidden"},
    Fate.SERVER_ERROR: {"server_error"},
    Fate.RATE_LIMITED: {"rate_limited"},
    Fate.UNREACHABLE: {"unreachable"},
    Fate.TLS: {"tls"},
    Fate.HANG: {"timeout"},
    Fate.LOOP: {"too_many_redirects"},
    Fate.PRIVATE: {"blocked"},
    Fate.PRIVATE_REDIRECT: {"blocked"},
    Fate.BAD_URL: {"bad_url"},
    Fate.TOO_LARGE: {"too_large"},
    Fate.ENDLESS: {"too_large"},
    Fate.SOFT_404: {"not_an_image"},
    Fate.HOME: {"not_an_image"},
    Fate.EMPTY: {"not_an_image"},
    Fate.SVG: {"not_an_image"},
    Fate.TRUNCATED: {"truncated"},
    Fate.SHORT_BODY: {"truncated"},
    Fate.BOMB: {"too_many_pixels"},
    Fate.TINY: {"too_small"},
    Fate.ANIMATED: {"animated"},
    Fate.PLACEHOLDER: {"placeholder"},
    Fate.HOTLINK: {"placeholder"},
    Fate.OPTED_OUT: {"opted_out"},
}
"""The reasons that a link of each fate may end with."""
KEPT_REASONS = {Kept.PHOTO: "", Kept.BUSY: "", Kept.PLACEHOLDER: "placeholder"}
"""The reason of a dead link by what the menagerie's archive has kept of it; of all others it is that of their fate."""

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("prefect_server")]


def test_every_link_ends_with_the_reason_of_its_fate(first: Version) -> None:
    links = first.table("links.parquet")
    assert list(links.columns) == PUBLISHED.names
    web = Web()
    fates = web.fates
    assert set(links["url"]) == set(fates)
    archived = {url: KEPT_REASONS[kept] for url, kept in web.archive.kept.items() if kept in KEPT_REASONS}
    shown = links[links["outcome"] == "archived"].set_index("url")
    assert shown["reason"].to_dict() == archived
    assert all(memento.endswith(f"/{url}") for url, memento in shown["memento"].items())
    own = links[~links["url"].isin(set(archived))]
    reasons = zip(own["url"], own["reason"], strict=True)
    wrong = [(fates[url], url, reason) for url, reason in reasons if reason not in REASONS[fates[url]]]
    assert wrong == []


def test_what_an_archive_has_kept_is_learnt_from_and_counted_apart(first: Version, regraft: Regraft) -> None:
    links = first.table("links.parquet")
    archived = links[(links["outcome"] == "archived") & (links["verdict"] == Verdict.ALIVE)]
    assert set(archived["digest"]) <= set(first.table("manifest.parquet")["digest"])
    words = f"{len(archived)} of them from a web archive"
    assert words in first.read("report.html").decode()
    assert words in regraft("show", "--store", first.store.url).out
    story = regraft("links", archived["url"].iloc[0], "--store", first.store.url).out
    assert "learnt from as a web archive kept it on 2009-08-21" in story


def test_what_an_archive_has_kept_is_left_out_where_that_is_wanted(first: Version, config: Config) -> None:
    from regraft.flows.refresh import refresh

    settings = config.screen.model_copy(update={"archived": False})
    second = versions.version(first.store, refresh(config.model_copy(update={"screen": settings})))
    links = second.table("links.parquet")
    assert not (links["outcome"] == "archived").any()
    assert second.run.counts.alive < first.run.counts.alive


def test_a_version_holds_what_it_promises(first: Version) -> None:
    files = set(first.store.disk.names(f"versions/{first.name}"))
    assert files >= {
        "run.json",
        "links.parquet",
        "manifest.parquet",
        "predictions.parquet",
        "metrics.json",
        "head.keras",
    }
    assert files >= {"report.html", "MODEL_CARD.md", "plots"}
    metrics = first.metrics
    print(metrics.test, metrics.oracle, metrics.excess)
    assert metrics.test.auc is not None
    assert metrics.test.auc >= 0.98
    assert metrics.promoted
    assert 'src="http' not in first.read("report.html").decode()
    assert set(first.table("manifest.parquet")["licence"]) == {LICENCE}


def test_a_second_run_asks_conditionally_and_computes_nothing_again(first: Version, config: Config) -> None:
    from regraft.flows.refresh import refresh

    second = versions.version(first.store, refresh(config))
    counts = second.run.counts
    assert counts.features_computed == 0
    assert counts.outcomes["not_modified"] + counts.outcomes["archived"] >= counts.verdicts[Verdict.ALIVE]
    for table in ("manifest.parquet", "predictions.parquet", "holdout.parquet"):
        pd.testing.assert_frame_equal(first.table(table), second.table(table))
    assert second.run.model_of == first.name
    for file in ("head.keras", "certainty.npz", "plots/predictions.png"):
        assert second.read(file) == first.read(file)
    ours, theirs = second.metrics, first.metrics
    assert (ours.test, ours.oracle, ours.rivals, ours.leak) == (theirs.test, theirs.oracle, theirs.rivals, theirs.leak)
    assert not ours.promoted
    assert ours.champion is not None
    assert ours.champion.difference == 0
    assert "Predicts just what champion" in ours.why
    champion = versions.champion(first.store)
    assert champion is not None
    assert champion.name == first.name
    page = second.read("report.html").decode().split("<h3>From version to version</h3>")[1].split("</table>")[0]
    assert page.index(second.name) < page.index(first.name) < page.index("champion")
    assert "From version to version" not in first.read("report.html").decode()


def test_another_setting_makes_another_head(first: Version, config: Config) -> None:
    from regraft.flows.refresh import refresh

    other = config.model_copy(update={"head": config.head.model_copy(update={"epochs": 3})})
    version = versions.version(first.store, refresh(other))
    assert version.run.model_of is None
    assert len(version.run.history["loss"]) <= 3
    assert version.read("head.keras") != first.read("head.keras")


UNCHANGED = """
import sys
from regraft.config import Config
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import Manifest, Screened
from regraft.pipeline.run import open_run
from regraft.store import versions
from regraft.store.run_record import PrefectRun

with open_run(Config.model_validate_json(sys.stdin.read())) as spec:
    bench = Bench.of(spec)
    before = versions.newest(bench.store)
    table = bench.drafts.put_table(before.table("manifest.parquet"))
    links = bench.drafts.put_table(before.table("links.parquet"))
    decisions = bench.drafts.put_table(before.table("decisions.parquet"))
    screened = Screened(links=links, pictures=table, survival=bench.drafts.put(b"{}"), decisions=decisions)
    learnt = steps.reuse(screened, Manifest(len(before.table("manifest.parquet")), table), bench)
    assert learnt.model_of == before.name
    steps.publish(learnt, steps.evaluate(learnt, bench), PrefectRun(), bench)
    assert versions.newest(bench.store).run.model_of == before.name
imported = {"tensorflow", "keras", "matplotlib", "prefect"} & set(sys.modules)
assert not imported, imported
"""
"""A run from its screened links on, where they are those of the version before."""


def test_an_unchanged_web_needs_no_tensorflow(first: Version, config: Config) -> None:
    """In a process of its own, where nothing else has imported it."""
    ran = subprocess.run(
        [sys.executable, "-c", UNCHANGED], input=config.model_dump_json(), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_too_few_images_stop_the_run_and_the_champion_stays(first: Version, config: Config, tmp_path: Path) -> None:
    from regraft.flows.refresh import refresh

    dead = tmp_path / "dead.txt"
    dead.write_text("http://127.0.0.1:1/a.jpg\nhtp:/b\n")
    categories = config.categories | {"tiger": config.categories["tiger"].model_copy(update={"list": str(dead)})}
    published = versions.names(first.store)
    with pytest.raises(TooFewImages, match="'tiger' has 0 images"):
        refresh(config.model_copy(update={"categories": categories}))
    assert versions.names(first.store) == published


def test_real_labels_are_judged_against_the_means_and_not_against_an_oracle(known_web: str, tmp_path: Path) -> None:
    from regraft.flows.refresh import refresh

    urls = Web().lists["tiger"]
    lengths = np.random.default_rng(0).normal(110, 12, len(urls))
    table = pd.DataFrame({"url": urls, "label": lengths.round(1)}).drop_duplicates("url")
    table.to_csv(tmp_path / "tiger.csv", index=False)
    config = menagerie.CONFIG
    real = config.categories["tiger"].model_copy(update={"list": str(tmp_path / "tiger.csv"), "label": None})
    job = config.model_copy(update={"categories": config.categories | {"tiger": real}, "store": known_web})
    version = versions.version(Store(job.store), refresh(job))
    metrics, manifest = version.metrics, version.table("manifest.parquet")
    labels = manifest["label"][manifest["category"] == "tiger"]
    assert labels.isin(table["label"]).mean() > 0.9  # the rest are shown by several links, and have their mean
    assert (metrics.oracle, metrics.excess, metrics.leak) == (None, None, None)
    assert set(metrics.rivals) == {"mean", "category_mean", "tutorial"}
    assert metrics.rivals["mean"].high < 0, "measurably better than the mean of all"
    assert abs(metrics.rivals["category_mean"].difference) < 1.5
    assert "oracle" not in version.read("report.html").decode().split("<h2>How to reproduce it")[0]
