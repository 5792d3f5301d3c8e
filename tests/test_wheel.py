"""The package as it is installed: one importable name, `regraft`, beside a user's own `flows` and `tasks`."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from regraft.errors import StoreError
from tests.docs_commands import ROOT

pytestmark = pytest.mark.xdist_group("wheel")

SOURCES = ("regraft", "flows", "tasks", "pyproject.toml", "README.md", "LICENSE")
"""What a build reads."""
NOTEBOOK = """from typing import assert_type
import regraft
store = regraft.open_store("artifacts")
assert_type(regraft.version(store, "champion"), regraft.Version)
assert_type(regraft.versions(store), list[regraft.Version])
regraft.load_confg("felidae.yaml")
regraft.versions(1)
"""
"""What somebody may write, with two mistakes: a name that there is not, and a wrong argument."""
QUIET = {"DO_NOT_TRACK": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@dataclass(frozen=True)
class Installation:
    """Regraft's wheel installed into a folder of its own, and somebody's project beside it."""

    site: Path
    project: Path
    environment: dict[str, str]

    def run(self, *command: str | Path, status: int = 0) -> str:
        """Return what a command prints, started in the project. Fails where it ends with another status."""
        ended = subprocess.run(
            list(map(str, command)), cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == status, ended.stderr
        return ended.stdout + (ended.stderr if status else "")

    def evaluate(self, expression: str, *modules: str) -> str:
        """Return what an expression prints in a fresh Python that has imported some modules."""
        return self.run(sys.executable, "-c", f"import {', '.join(modules)}; print({expression})").strip()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with their two symbolic links, so that building leaves nothing in the repository."""
    folder = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    """The wheel built from a checkout."""
    return build("wheel", checkout)


@pytest.fixture(scope="module")
def sdist(checkout: Path) -> Path:
    """The source distribution built from a checkout."""
    return build("sdist", checkout)


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel, installed without dependencies, beside a project that has its own `flows` and `tasks`."""
    site, project = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("project")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--target", str(site), str(wheel)]
    ended = subprocess.run(command, env=os.environ | QUIET, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for package in ("flows", "tasks"):
        (project / package).mkdir()
        (project / package / "__init__.py").write_text("OWNER = 'the user'\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PYTHON"))}
    environment |= QUIET | {"PYTHONPATH": str(site), "PREFECT_HOME": str(project / "prefect")}
    return Installation(site, project, environment)


def test_the_wheel_holds_one_package_with_its_templates_and_type_marker(wheel: Path) -> None:
    files = files_of(wheel)
    assert {name.split("/")[0] for name in files} == {"regraft"}
    assert {"regraft/flows/refresh.py", "regraft/flows/cli/app.py", "regraft/tasks/fetch.py"} <= files
    templates = {path.name for path in (ROOT / "regraft" / "reporting" / "templates").glob("*.j2")}
    assert templates
    assert {f"regraft/reporting/templates/{name}" for name in templates} <= files
    assert "regraft/py.typed" in files


def test_the_wheel_holds_what_the_curators_pages_are_made_from(wheel: Path) -> None:
    web = ROOT / "flows" / "web"
    parts = {
        path.relative_to(web).as_posix() for folder in ("static", "templates") for path in (web / folder).iterdir()
    }
    assert {"static/curator.js", "templates/base.html.j2"} <= parts
    assert {f"regraft/flows/web/{name}" for name in parts} <= files_of(wheel)


def test_the_wheel_holds_every_module_of_the_checkout(wheel: Path) -> None:
    folders = {"regraft": ROOT / "regraft", "regraft/flows": ROOT / "flows", "regraft/tasks": ROOT / "tasks"}
    modules = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in folders.items()
        for path in folder.rglob("*.py")
    }
    assert {name for name in files_of(wheel) if name.endswith(".py")} == modules


def test_a_wheel_built_from_the_source_distribution_holds_the_same_files(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        links = [member.name for member in archive.getmembers() if member.issym()]
        archive.extractall(tmp_path, filter="data")
    assert links == [], "an unpacked symbolic link would point out of the archive"
    [source] = tmp_path.iterdir()
    assert files_of(build("wheel", source)) == files_of(wheel)


def test_the_command_line_runs_where_the_user_has_packages_of_the_same_names(installation: Installation) -> None:
    command = installation.site / "bin" / "regraft"
    assert "Usage" in installation.run(command, "--help")
    assert "No store lies in" in installation.run(command, "versions", status=StoreError.exit_code)


def test_the_flow_is_imported_from_regraft_and_the_users_packages_are_left_alone(installation: Installation) -> None:
    names = "regraft.flows.refresh.refresh.name, regraft.__file__, flows.OWNER, tasks.OWNER"
    imported = installation.evaluate(names, "regraft.flows.refresh", "flows", "tasks")
    assert imported == f"refresh {installation.site / 'regraft' / '__init__.py'} the user the user"
    assert not (installation.site / "flows").exists()
    assert not (installation.site / "tasks").exists()


def test_a_type_checker_knows_the_public_names(installation: Installation, tmp_path: Path) -> None:
    """Without the dependencies, as these have types of their own."""
    pytest.importorskip("mypy", reason="mypy comes with the extra dev")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    site.rmdir()
    site.symlink_to(installation.site)
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", f"--python-executable={python}"]
    command.append("notebook.py")
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    errors = re.findall(r"^notebook\.py:(\d+): error:.*\[([\w-]+)\]$", ended.stdout, re.MULTILINE)
    assert errors == [("6", "attr-defined"), ("7", "arg-type")], ended.stdout


def build(kind: Literal["wheel", "sdist"], source: Path) -> Path:
    """Build the distribution of a folder as pip and build do, with the setuptools that is installed."""
    script = f"from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=source, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return source / "dist" / ended.stdout.splitlines()[-1]


def files_of(wheel: Path) -> set[str]:
    """The files that a wheel installs, without its own record."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}
