"""What a run is made with: Regraft's own code, and the libraries that do the computing."""

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from regraft.release import __version__

LIBRARIES = ("keras", "ai-edge-litert", "numpy", "scipy", "pandas", "prefect", "pillow", "simplejpeg")
"""The libraries, beside TensorFlow, that a run's result may depend on."""
TENSORFLOW_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos")
"""The names under which TensorFlow is installed."""
GIT_TIMEOUT_S = 5


@cache
def libraries() -> dict[str, str]:
    """Return the versions of Regraft, Python, TensorFlow and LIBRARIES, by name."""
    own = {"regraft": __version__, "python": platform.python_version(), "tensorflow": _tensorflow_version()}
    return own | {name: metadata.version(name) for name in LIBRARIES}


def code() -> str:
    """Return which Regraft this is: its release, and its commit where it runs from a checkout."""
    return f"{__version__} {commit()}".strip()


@cache
def commit() -> str:
    """Return the commit of Regraft's code, shortened; "" where it does not run from a git checkout."""
    return commit_of(Path(__file__))


def commit_of(file: Path) -> str:
    """Return the commit of the checkout that a file belongs to, shortened; "" where git does not track the file.

    A virtual environment may lie within somebody's checkout, whose commits say nothing of what is installed there.
    """
    try:
        _git("ls-files", "--error-unmatch", file.name, folder=file.parent)
        return _git("rev-parse", "--short", "HEAD", folder=file.parent)
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str, folder: Path) -> str:
    command = ["git", "-C", str(folder), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    return ran.stdout.strip()


def _tensorflow_version() -> str:
    """Return the version of whatever distribution provides TensorFlow, which is not imported; "" where none says so."""
    for name in TENSORFLOW_DISTRIBUTIONS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    others = metadata.packages_distributions().get("tensorflow", [])  # slow: it looks into all that is installed
    return metadata.version(others[0]) if others else ""
