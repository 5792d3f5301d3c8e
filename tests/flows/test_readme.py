"""The README's commands, run as they stand, in a folder with a published version and a few photographs."""

import shlex
import shutil
from pathlib import Path

import pytest

from regraft import versions
from regraft.config import load_config
from regraft.menagerie.drawing import drawing, encoded
from regraft.store import Store
from tests.conftest import Regraft, readme_commands


@pytest.fixture
def here(first: versions.Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the default store, in which a second version is champion, and pictures."""
    shutil.copytree(first.store.url, tmp_path / "artifacts")
    store = Store(str(tmp_path / "artifacts"))
    again = versions.new_name(store)
    shutil.copytree(tmp_path / "artifacts" / "versions" / first.name, tmp_path / "artifacts" / "versions" / again)
    versions.promote(store, again, first.name)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(encoded(drawing("cat", "readme"), "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_a_version_is_good_for(here: Path, first: versions.Version, regraft: Regraft) -> None:
    commands = readme_commands("What a version is good for")
    assert len(commands) >= 8
    for command in commands:
        words = shlex.split(command)
        assert words[0].endswith("regraft")
        ran = regraft(*words[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
    champion = versions.champion(Store("artifacts"))
    assert champion is not None
    assert champion.name == first.name
    assert Path("lengths.csv").exists()
    assert list(here.glob("*.onnx"))


def test_a_first_config_for_ones_own_lists(here: Path, regraft: Regraft) -> None:
    command = next(line for line in readme_commands("Your own lists") if " init " in line)
    assert regraft(*shlex.split(command)[1:]).code == 0
    assert set(load_config(here / "job.yaml").categories) == {"tiger", "kittycat"}


def test_what_became_of_a_link(here: Path, regraft: Regraft) -> None:
    look, accept = readme_commands("What became of a link")
    assert regraft(*shlex.split(look)[1:]).code == 0
    assert regraft(*shlex.split(accept)[1:]).code == 11  # that link is an example: it is in no list of this store
