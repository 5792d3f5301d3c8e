"""Importing Regraft changes nothing in the process; a Regraft program's start sets what it needs, and no more."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from regraft.process import OBJECTS_PER_COLLECTION, usable_cores
from tests.sources import modules

STATE = """
import gc, json, logging, os, signal, sys, threading, warnings
import PIL.Image, pyarrow

def state():
    loggers = [logging.getLogger(name) for name in (None, "regraft", "PIL", "urllib3")]
    return {
        "environment": dict(os.environ),
        "pillow": PIL.Image.MAX_IMAGE_PIXELS,
        "arrow": pyarrow.default_memory_pool().backend_name,
        "log levels": [logger.level for logger in loggers],
        "log handlers": [len(logger.handlers) for logger in loggers],
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "switch interval": sys.getswitchinterval(),
        "garbage collection": gc.get_threshold(),
        "warnings": len(warnings.filters),
        "threads": threading.active_count(),
        "standard error": sys.stderr.fileno(),
    }
"""


def ran(script: str, **environment: str) -> Any:
    """What a script prints as JSON, run in a process of its own whose environment has none of Regraft's defaults."""
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "-c", STATE + script], env=plain | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_every_module_changes_nothing_in_the_process() -> None:
    script = f"""
import matplotlib, pandas, pydantic, requests, rich.console, typer, urllib3, yaml  # third parties
import scipy.optimize, scipy.sparse  # which change the filters of warnings
import importlib
for heavy in ("tensorflow", "keras", "prefect"):
    sys.modules[heavy] = None  # what needs it says so, and is left out
before, imported = state(), []
for name in {sorted(modules())!r}:
    try:
        importlib.import_module(name)
        imported.append(name)
    except ModuleNotFoundError as error:
        assert error.name.split(".")[0] in ("tensorflow", "keras", "prefect"), error
print(json.dumps({{"before": before, "after": state(), "imported": imported}}))
"""
    result = ran(script)
    assert result["after"] == result["before"]
    assert {"regraft", "regraft.pictures.judge", "regraft.fetching.worker", "regraft.flows.cli"} <= set(
        result["imported"]
    )
    assert len(result["imported"]) > len(modules()) / 2


def test_a_programs_start_sets_defaults_and_lifts_pillows_limit() -> None:
    after = ran("from regraft.process import prepare_process; prepare_process(); print(json.dumps(state()))")
    assert after["environment"]["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert after["environment"]["OPENBLAS_THREAD_TIMEOUT"] == "20"
    assert after["environment"]["PREFECT_LOGGING_EXTRA_LOGGERS"] == "regraft"
    assert after["pillow"] is None
    assert after["arrow"] == "system", "also where Arrow was imported before"
    assert after["garbage collection"][0] == OBJECTS_PER_COLLECTION


def test_what_the_user_has_set_stands() -> None:
    script = "logging.getLogger('regraft').setLevel(40); gc.set_threshold(10**6, 5, 4)\n"
    script += "from regraft.process import prepare_process; prepare_process()"
    after = ran(script + "; print(json.dumps(state()))", ARROW_DEFAULT_MEMORY_POOL="mimalloc", TF_CPP_MIN_LOG_LEVEL="0")
    assert after["arrow"] == "mimalloc"
    assert after["environment"]["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert after["log levels"][1] == 40
    assert after["garbage collection"] == [10**6, 5, 4]


def test_no_librarys_warning_ends_a_program() -> None:
    warn = "import warnings; warnings.warn('old', DeprecationWarning)"
    script = f"from regraft.process import prepare_process; prepare_process()\n{warn}\n"
    script += f"import subprocess\nprint(json.dumps(subprocess.call([sys.executable, '-c', {warn!r}])))"
    assert ran(script, PYTHONWARNINGS="error") == 0
    assert ran(script, PYTHONWARNINGS="ignore,error::DeprecationWarning") == 0


def test_nobody_is_warned_of_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a file where a folder should be")
    code = (
        "from regraft.process import prepare_process; prepare_process(); import matplotlib; matplotlib.get_configdir()"
    )
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path / "file")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr == ""


def test_a_notebook_gets_the_right_verdict_on_a_picture_above_pillows_own_limit() -> None:
    """Without the program's start 100 million pixels are a warning of Pillow's, and 200 million an exception."""
    script = """
from regraft.menagerie.odd_pictures import bomb_png
from regraft.pictures.judge import judge
from regraft.pictures.limits import Limits
reasons = {}
for action in ("default", "error"):
    warnings.simplefilter(action, PIL.Image.DecompressionBombWarning)
    reasons[action] = [judge(bomb_png(side), Limits()).reason for side in (10_000, 14_200)]
print(json.dumps(reasons))
"""
    assert ran(script) == dict.fromkeys(("default", "error"), ["too_many_pixels"] * 2)


ENVIRONMENTS = [
    ({"HTTP_PROXY": "http://proxy:3128"}, "127.0.0.1,localhost,::1"),
    (
        {"all_proxy": "http://proxy:3128", "NO_PROXY": "example.org, localhost"},
        "example.org,localhost,127.0.0.1,::1",
    ),
    ({"https_proxy": "http://proxy:3128", "NO_PROXY": "a", "no_proxy": "b"}, "b,127.0.0.1,localhost,::1"),
    ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "*"}, "*"),
    ({}, None),
]
"""What is set, and what is exempt from proxies then; without a proxy there is nothing to exempt."""


def test_no_proxy_stands_between_the_processes_of_this_machine() -> None:
    script = f"""
from regraft.process import prepare_process
plain, exempt = dict(os.environ), []
for environment in {[environment for environment, _ in ENVIRONMENTS]!r}:
    os.environ.clear()
    os.environ.update(plain | environment)
    prepare_process()
    prepare_process()
    exempt.append([os.environ.get(name) for name in ("no_proxy", "NO_PROXY")])
print(json.dumps(exempt))
"""
    assert ran(script) == [[expected, expected] for _, expected in ENVIRONMENTS]


def test_cores_that_the_process_may_not_use_do_not_count() -> None:
    def kept_to_one() -> int:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return usable_cores()

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(kept_to_one).result() == 1
    assert usable_cores() == len(os.sched_getaffinity(0))
