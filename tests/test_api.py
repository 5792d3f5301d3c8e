"""`import regraft`: the names that notebooks and scripts use."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import regraft
from regraft import api
from regraft.menagerie.drawing import drawing, encoded
from regraft.store.version import Version as PublishedVersion
from tests.docs_commands import block


def test_every_public_name_is_there_and_documented() -> None:
    assert set(regraft.__all__) == set(api.__all__) == set(dir(regraft))
    for name in regraft.__all__:
        assert getattr(regraft, name) is getattr(api, name)
        assert getattr(regraft, name).__doc__


def test_an_unknown_name_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'load_confg'; it has: .*load_config"):
        getattr(regraft, "load_confg")  # noqa: B009 - a type checker refuses the attribute


def test_importing_it_imports_nothing_but_what_it_names() -> None:
    """So that it takes no time."""
    script = "import sys; before = set(sys.modules); import regraft; print(*set(sys.modules) - before)"
    imported = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    others = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert others == {"regraft", "regraft.release"}


def test_a_version_gives_its_tables_as_pandas(first: PublishedVersion) -> None:
    version = regraft.version(regraft.open_store(first.store.url))
    assert [each.name for each in regraft.versions(regraft.open_store(first.store.url))] == [version.name]
    for table in (version.links, version.manifest, version.predictions, version.holdout, version.link_rot):
        assert isinstance(table, pd.DataFrame)
        assert len(table)
    assert set(version.predictions["digest"]) == set(version.manifest["digest"])
    assert version.metrics.promoted
    assert repr(version) == f"<Version {version.address}>"


def test_a_version_predicts_files_folders_and_globs(first: PublishedVersion, tmp_path: Path) -> None:
    for animal in ("tiger", "cat"):
        (tmp_path / f"{animal}.jpg").write_bytes(encoded(drawing(animal, "notebook"), "JPEG"))
    version = regraft.version(regraft.open_store(first.store.url), "newest")
    rows = version.predict(tmp_path, tmp_path / "tiger.jpg")
    assert rows["image"].map(lambda name: Path(name).name).tolist() == ["cat.jpg", "tiger.jpg", "tiger.jpg"]
    assert rows["problem"].tolist() == ["", "", ""]
    assert rows["length_cm"][0] < rows["length_cm"][1] == pytest.approx(rows["length_cm"][2])
    assert version.model is version.model


@pytest.mark.tensorflow
def test_the_example_of_the_notebook_page(known_web: str, tmp_path: Path) -> None:
    """As it stands, with a config, photographs and links where it looks for them; and without Prefect."""
    shutil.copytree(known_web, tmp_path / "artifacts" / "felidae")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(encoded(drawing("cat", "notebook"), "JPEG"))
    lists = block("config").text.replace("tiger.txt", "menagerie:tiger").replace("kittycat.csv", "menagerie:cat")
    (tmp_path / "felidae.yaml").write_text(lists)
    script = block("notebook").text + "\nimport sys; print('prefect' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "False"
    [version] = regraft.versions(regraft.open_store(tmp_path / "artifacts" / "felidae"))
    assert f"{version.name} True" in ran.stdout
    assert "length_cm" in ran.stdout


def test_a_store_without_a_champion_says_so(tmp_path: Path) -> None:
    store = regraft.open_store(tmp_path)
    assert regraft.versions(store) == []
    with pytest.raises(regraft.RegraftError, match="no champion"):
        regraft.version(store)
