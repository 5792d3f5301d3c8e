"""What persons decide is honoured by the next run, told of in its version, and taken back by the run after."""

from pathlib import Path

import pytest

from regraft.config import Config
from regraft.menagerie.web import Web
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.verdicts import Verdict
from tests.command_line import Regraft


@pytest.mark.tensorflow
@pytest.mark.usefixtures("prefect_server")
def test_a_decision_holds_from_the_next_run_until_it_is_taken_back(
    first: Version, config: Config, regraft: Regraft, tmp_path: Path
) -> None:
    from regraft.flows.refresh import refresh

    store = ("--store", first.store.url)
    alive = first.table("manifest.parquet").groupby("category")["urls"].apply(lambda urls: [url[0] for url in urls])
    rejected, moved = alive["tiger"][:2]
    web = Web()
    misfiled, still_misfiled = (
        next(url for url in web.lists[animal] if web.fates[url] == "misfiled") for animal in ("tiger", "cat")
    )
    assert regraft("reject", rejected, "--why", "a drawing", *store).code == 0
    again = regraft("reject", rejected, "--why", "no cat", *store).out
    assert again.startswith("That is decided already; nothing was changed. For other words, take it back first")
    assert regraft("decide", "move", moved, "--to", "cat", *store).out == f"moved to cat: {moved}\n"
    again = regraft("decide", "move", moved, "--to", "cat", *store).out
    assert again == "That is decided already; nothing was changed.\n"
    assert regraft("accept", misfiled, *store).code == 0
    assert regraft("accept", misfiled, *store).code == 11, "it is accepted already"

    def run() -> Version:
        return versions.version(Store(first.store.url), refresh(config.model_copy(update={"store": first.store.url})))

    second = run()
    links, manifest = second.table("links.parquet").set_index("url"), second.table("manifest.parquet")
    digest_of = links["digest"]
    assert links["reason"][[rejected, moved, misfiled]].tolist() == ["rejected", "", ""]
    assert links.loc[still_misfiled, "reason"] == "misfiled"
    assert links.loc[moved, "category"] == "tiger"
    same = ["digest", "category", "split", "label"]  # of all pictures but the moved one
    kept = first.table("manifest.parquet")[same].merge(manifest[same], on=["digest", "category"])
    assert len(kept) > 0.9 * len(manifest)
    assert kept["split_x"].equals(kept["split_y"])
    assert kept["label_x"].equals(kept["label_y"])
    category_of = manifest.set_index("digest")["category"]
    assert digest_of[rejected] not in category_of
    assert category_of[[digest_of[moved], digest_of[misfiled]]].tolist() == ["cat", "tiger"]
    assert second.run.decisions == {"reject": 1, "move": 1, "accept": 1}
    decisions = second.table("decisions.parquet")
    assert decisions[["kind", "why", "links"]].to_numpy().tolist() == [
        ["reject", "a drawing", 1],
        ["move", "", 1],
        ["accept", "", 1],
    ]
    assert links["decision"][[rejected, moved, misfiled]].tolist() == decisions["id"].tolist()
    assert "What persons decided" in second.read("report.html").decode()

    for url in (rejected, moved, misfiled):
        assert regraft("decide", "undo", url, *store).code == 0
    third = run()
    before, after = (version.table("links.parquet").set_index("url") for version in (first, third))
    both_checked = (before["verdict"] != Verdict.DEAD) & (after["verdict"] != Verdict.DEAD)  # a slow machine times out
    assert after["reason"][both_checked].equals(before["reason"][both_checked])
    assert (after["decision"] == "").all()
    assert third.run.decisions == {}
