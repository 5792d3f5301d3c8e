"""A picture taken out by the command line: shown first, then gone, and the next run learns without it."""

from pathlib import Path

import pytest

from regraft.config import Config
from regraft.identity import Digest
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.upkeep.receipt import receipts
from tests.command_line import Regraft


@pytest.fixture
def learnt(first: Version) -> tuple[str, str]:
    """A link and its picture, from which the first version has learnt."""
    manifest = first.table("manifest.parquet")
    row = manifest[manifest["split"] == "train"].iloc[0]
    return row["urls"][0], row["digest"]


def test_what_would_go_is_shown_and_nothing_changes(first: Version, learnt: tuple[str, str], regraft: Regraft) -> None:
    ran = regraft("remove", learnt[0], "--store", first.store.url)
    assert ran.code == 0
    assert f"versions/{first.name}/manifest.parquet: 1 row" in ran.out
    assert f"{first.name}, the champion: its head has learnt from 1, which stays in its weights" in ran.out
    assert "1 picture, 1 link would go from" in ran.out
    assert first.store.blobs.has(Digest(learnt[1]))
    assert not first.store.disk.exists("removals.parquet")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["http://nowhere.example/1.jpg"], 11, "1.jpg; nothing was changed. `regraft remove --ahead` keeps out"),
        ([], 11, "Name what is to go: a URL, a host or a digest, --from FILE or --opted-out."),
        (["--from", "nowhere.txt"], 11, "nowhere.txt cannot be read: No such file or directory. Nothing was changed."),
        (["--from", "/dev/zero"], 11, "/dev/zero is not text. "),
        (["00000000"], 11, "00000000 is the beginning of no picture's digest here, or of several"),
        (["photos.savanna.example:80"], 11, "a host is named without a port. Nothing was changed."),
        (["photos.savanna.example", "--yes"], 2, 'Say why: --why "the owner wants it".'),
    ],
)
def test_what_is_not_understood_is_one_sentence(
    words: list[str], code: int, message: str, first: Version, regraft: Regraft
) -> None:
    ran = regraft("remove", *words, "--store", first.store.url)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.usefixtures("prefect_server")
def test_what_is_removed_is_gone_and_the_next_run_learns_without_it(
    first: Version, config: Config, learnt: tuple[str, str], tmp_path: Path, regraft: Regraft
) -> None:
    from prefect.artifacts import create_markdown_artifact
    from prefect.client.orchestration import get_client

    from regraft.flows.refresh import refresh

    store = ("--store", first.store.url)
    of_it, of_another = (
        create_markdown_artifact(key="menagerie-report", markdown=learnt[0], description=name)
        for name in (first.name, "20200101T000000Z")
    )
    (tmp_path / "wishes.txt").write_text(f"# of November\n{learnt[0]}\n")
    ran = regraft("remove", "--from", tmp_path / "wishes.txt", "--why", "the owner wants it", "--yes", *store)
    assert ran.code == 0, ran.err
    assert "1 picture, 1 link removed from" in ran.out
    assert "Reports in Prefect's dashboard that were deleted: " in ran.out
    assert "Its events hold copies until it deletes them" in ran.out
    with get_client(sync_client=True) as client:
        left = {artifact.id for artifact in client.read_artifacts()}
    assert of_it not in left
    assert of_another in left
    [receipt] = receipts(first.store)
    assert f"Receipt: {first.store.url}/receipts/{receipt.id}.html" in ran.out

    assert regraft("verify", *store).code == 0
    assert "learnt, since removed" in regraft("versions", *store).out
    assert "pictures that the head has learnt from: 1; the next run trains without" in regraft("show", *store).out
    assert f"{learnt[0]} was removed from" in regraft("links", learnt[0], *store).err
    ran = regraft("remove", learnt[0], *store)
    assert "Nothing in" in ran.out

    version = versions.version(Store(first.store.url), refresh(config))
    assert learnt[0] not in set(version.table("links.parquet")["url"])
    assert learnt[1] not in set(version.table("manifest.parquet")["digest"])
    assert version.run.model_of is None
    assert version.run.removals == ()
    assert not version.store.blobs.has(receipt.hashes[1].hash)
    assert regraft("verify", *store).code == 0
