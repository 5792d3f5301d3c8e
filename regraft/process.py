"""What a Regraft program sets for its process, once, at its start, and how it starts others. Importing sets nothing.

The command line, the Prefect flows and the fetching workers each begin with `prepare_process()`. A notebook need not:
without it Regraft takes more memory and its libraries print more, but the results are the same.
"""

import atexit
import contextlib
import ctypes
import gc
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from multiprocessing.connection import Connection

ENVIRONMENT = {
    # Arrow's own allocator keeps what each thread once used: with it a run of 50,000 links took twice the memory.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "DO_NOT_TRACK": "1",
    # NumPy's threads wait for work at full speed for 2**20 cycles, 0.4 ms; else for 0.1 s, from its import on.
    "OPENBLAS_THREAD_TIMEOUT": "20",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # the first start creates Prefect's database
    "PREFECT_LOGGING_EXTRA_LOGGERS": "regraft",  # the dashboard shows Regraft's log too
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # Regraft also has threads that belong to no flow run
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow's C++ logs errors only
}
"""Defaults of environment variables, which Arrow, NumPy, Prefect and TensorFlow read when they are first imported."""
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
M_ARENA_MAX = -8
"""glibc's number for the setting "how many heaps threads allocate from": mallopt(3)."""
OBJECTS_PER_COLLECTION = 200_000
"""New objects after which Python looks for those that only refer to each other. With its own 700, a tenth of the time
of imports goes there, and Regraft makes few such objects; a run without Prefect and TensorFlow imports some 160,000."""


def prepare_process() -> None:
    """Set this process's environment defaults, allocators and log level. What the user has set stands.

    Call it before NumPy, Prefect or TensorFlow is imported, or their part has no effect. A second call changes nothing.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    _keep_this_machine_off_proxies()
    _use_arrows_system_pool()
    _share_one_heap()
    gc.set_threshold(max(OBJECTS_PER_COLLECTION, gc.get_threshold()[0]), *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # the system takes all memory back: no need to look through it when the process ends
    _lift_pillows_limit()
    _take_no_warning_for_an_error()
    _silence_pillow()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of each home that it may not write to
    if logging.getLogger("regraft").level == logging.NOTSET:
        logging.getLogger("regraft").setLevel(logging.INFO)


def usable_cores() -> int:
    """Return how many of the machine's cores this process may use; a container may have been given a few."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_module(name: str) -> "tuple[subprocess.Popen[bytes], Connection]":
    """Start a module of Regraft's as a process of its own, and return it with the pipe to it.

    The process gets the number of its end of the pipe as its only argument. It is a plain process: multiprocessing
    would import the caller's main module again, Prefect and all.
    """
    import socket
    import subprocess
    from multiprocessing.connection import Connection

    ours, theirs = socket.socketpair()
    with theirs:
        path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-m", name, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            # It multiplies small matrices at most: OpenBLAS's threads would spin for nothing when it starts.
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            process_group=0,  # a terminal's Ctrl-C is for whoever started it; it ends when its pipe does
        )
    return process, Connection(ours.detach())


def _keep_this_machine_off_proxies() -> None:
    """Where the environment names a proxy, let requests to this machine, such as Prefect's server, go without it."""
    if not any(os.environ.get(name) for variable in PROXY_VARIABLES for name in (variable, variable.lower())):
        return
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""  # in this order, as Python reads them
    hosts = [host.strip() for host in exempt.split(",") if host.strip()]
    if "*" not in hosts:
        hosts += [host for host in THIS_MACHINE if host not in hosts]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(hosts)


def _use_arrows_system_pool() -> None:
    """Where Arrow was imported before its environment variable was set, choose its allocator now."""
    if "pyarrow" in sys.modules and os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "system":
        import pyarrow

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def _share_one_heap() -> None:
    """Let all threads allocate from one heap: sixteen heaps keep what each once used. Only glibc has this setting."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _take_no_warning_for_an_error() -> None:
    """Where `-W error` or PYTHONWARNINGS is set for other programs, let no library's warning end this one.

    Keras has some at every training, which are news for who develops it alone.
    """
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("ignore")
        os.environ.pop("PYTHONWARNINGS", None)  # for the processes that this one starts


def _silence_pillow() -> None:
    """Let Pillow not warn of odd metadata: a picture may have thousands, and its pixels are none the worse for it."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def _lift_pillows_limit() -> None:
    """Let Pillow open pictures of any size: `screen.max_pixels` is checked before anything is decoded."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
