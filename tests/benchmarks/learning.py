"""What heads learn from features, against other ways to learn from the same ones: one table a part.

    REGRAFT_WEB=... python tests/benchmarks/learning.py                 # all parts, two at a time
    REGRAFT_WEB=... python tests/benchmarks/learning.py labels classes  # some of them

The parts are the modules of `learning_rows/`, each with `lines(photographs, draws)`. Several are measured in a process
each; tables go to standard output as they are finished, and how far each is to standard error. A part that fails is
named at the end, and the exit code is then 1. Rivals need: pip install -e '.[benchmarks]'. Nothing but the number of
draws is chosen here; what was chosen on which draws, each part says.
"""

import argparse
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # parts are side by side, each on one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from photographs import Photographs, photographs

PARTS = ("labels", "gate", "certainty", "misfiled", "small_sets", "classes", "tuning", "unlike")
"""Those that take longest come first, so that the last ones end at about the same time."""
PARTS_AT_A_TIME = 2


def main(default_parts: Sequence[str] = PARTS) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=default_parts, metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--draws", type=int, default=None, help="splits and labels that are drawn; of each part its own"
    )
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "regraft-benchmarks")
    options = parser.parse_args()
    pictures = photographs(options.cache)
    if len(options.parts) == 1:
        for line in _table(options.parts[0], pictures, options.draws):
            print(line, flush=True)
        return
    start = time.monotonic()
    draws = ["--draws", str(options.draws)] if options.draws else []
    failed = _print_all(options.parts, ["--cache", str(options.cache), *draws])
    print(f"\n({time.monotonic() - start:.0f} s in all)")
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}.")


def _table(name: str, pictures: Photographs, draws: int | None) -> Iterator[str]:
    """The lines of a part, the last of which says how long it took."""
    part = importlib.import_module(f"learning_rows.{name}")
    start = time.monotonic()
    yield f"\n## {name}\n{part.__doc__}"
    yield from part.lines(pictures, draws or part.DRAWS)
    yield f"({time.monotonic() - start:.0f} s)"


def _print_all(names: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Print the tables of some parts as they are finished; return the names of those that failed."""
    failed = []
    with ThreadPoolExecutor(PARTS_AT_A_TIME) as threads:
        tables = {threads.submit(_measured, name, arguments): name for name in names}
        for table in as_completed(tables):
            text, status = table.result()
            print(text, flush=True)
            if status:
                failed.append(tables[table])
    return failed


def _measured(name: str, arguments: Sequence[str]) -> tuple[str, int]:
    """The table of a part, measured in a process of its own, and that process's exit status."""
    start, lines = time.monotonic(), list[str]()
    command = [sys.executable, __file__, name, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            print(f"{name}, {time.monotonic() - start:.0f} s: {len(lines)} lines", file=sys.stderr, flush=True)
    return "".join(lines), process.returncode


if __name__ == "__main__":
    main()
