"""No step of a refresh grows faster than the number of images: the benchmark, scaled down."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs_commands import ROOT

FEW_IMAGES, MANY_IMAGES = 2_000, 20_000
MAX_EXPONENT = 1.3
"""N log N has 1.1 here, a step that is quadratic has nearly 2; the rest is for a machine that does other things too."""
NOTICEABLE_CPU_S = 0.3
"""With MANY_IMAGES images. What takes less may grow by what it takes to begin."""


@pytest.mark.tensorflow
def test_no_step_grows_faster_than_the_number_of_images(tmp_path: Path) -> None:
    program = ROOT / "tests" / "benchmarks" / "scale.py"
    sizes = [str(FEW_IMAGES), str(MANY_IMAGES), "--dimensions", "128", "--categories", "4", "--json"]
    command = [sys.executable, str(program), *sizes, "--folder", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    few, many = json.loads(ran.stdout).values()
    assert {"read", "fetch", "screen", "label", "train", "evaluate", "publish", "links"} <= many.keys()
    grown = {name: (few[name]["cpu_s"], many[name]["cpu_s"]) for name in many}
    too_fast = {
        name: (before, after)
        for name, (before, after) in grown.items()
        if after > NOTICEABLE_CPU_S and after > before * (MANY_IMAGES / FEW_IMAGES) ** MAX_EXPONENT
    }
    assert too_fast == {}
