"""What a run is made with."""

import subprocess
from pathlib import Path

from regraft.pipeline import provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@x.example")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_code_in_a_checkout_has_its_commit_and_code_installed_within_one_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    tracked, installed = tmp_path / "tracked.py", tmp_path / ".venv" / "installed.py"
    installed.parent.mkdir()
    for file in (tracked, installed):
        file.write_text("")
    git(tmp_path, "add", "tracked.py")
    git(tmp_path, "commit", "-q", "-m", "one file")
    assert provenance.commit_of(tracked) == git(tmp_path, "rev-parse", "--short", "HEAD")
    assert provenance.commit_of(installed) == ""
    assert provenance.commit_of(Path("/no/such/folder/code.py")) == ""


def test_every_library_that_a_result_depends_on_has_a_version() -> None:
    libraries = provenance.libraries()
    assert set(libraries) == {"regraft", "python", "tensorflow", *provenance.LIBRARIES}
    assert all(version[0].isdigit() for version in libraries.values())
