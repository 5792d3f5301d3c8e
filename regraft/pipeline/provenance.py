"""What a run was made with: code and libraries."""

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from regraft.release import __version__

TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos")
"""The distributions that TensorFlow comes in."""


@cache
def libraries() -> dict[str, str]:
    """Return the versions of Python and of what does the computing, by name."""
    names = ("keras", "ai-edge-litert", "numpy", "pandas", "prefect", "pillow", "simplejpeg", "urllib3")
    found = {"regraft": __version__, "python": platform.python_version(), "tensorflow": _tensorflow()}
    return found | {name: metadata.version(name) for name in names}


@cache
def commit() -> str:
    """Return the commit that the code stands at, where it runs from a checkout; else nothing."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _tensorflow() -> str:
    """TensorFlow's version, without importing it where one of its usual distributions is there."""
    for name in TENSORFLOWS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    import tensorflow

    return str(tensorflow.__version__)
