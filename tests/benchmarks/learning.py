"""What heads learn from features, against other ways to learn from the same ones: one table a part.

    REGRAFT_WEB=... python tests/benchmarks/learning.py                 # all parts
    REGRAFT_WEB=... python tests/benchmarks/learning.py labels classes  # some of them

The parts are the modules of `learning_rows/`, each with `lines(photographs, draws)`. Rivals need: pip install -e
'.[benchmarks]'. Nothing but the number of draws is chosen here; what was chosen on which draws, each part says.
"""

import argparse
import importlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from photographs import photographs

PARTS = sorted(path.stem for path in (Path(__file__).parent / "learning_rows").glob("*.py"))


def main(default_parts: Sequence[str] = PARTS) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=default_parts, metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--draws", type=int, default=None, help="splits and labels that are drawn; of each part its own"
    )
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "regraft-benchmarks")
    options = parser.parse_args()
    pictures = photographs(options.cache)
    start = time.monotonic()
    for name in options.parts:
        part = importlib.import_module(f"learning_rows.{name}")
        began = time.monotonic()
        print(f"\n## {name}\n{part.__doc__}", flush=True)
        for line in part.lines(pictures, options.draws or part.DRAWS):
            print(line, flush=True)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\n({time.monotonic() - start:.0f} s in all)")


if __name__ == "__main__":
    main()
