"""The replayed web: the tutorial's lists with all their rot, in a process of its own that plays a proxy."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import requests

from regraft.config import Config
from regraft.config_file import load_config, parse_config
from tests.docs_commands import ROOT
from tests.processes import free_port

WEB = os.environ.get("REGRAFT_WEB", "")
"""Its folder; "" where there is none."""


@dataclass(frozen=True)
class Replay:
    """A replayed web."""

    proxy: str
    truth: pd.DataFrame
    """url, category, fate, alive, photo"""

    def stats(self) -> Any:
        """Return what it was asked for so far."""
        return requests.get("http://replay.test/stats", proxies={"http": self.proxy}, timeout=10).json()


@contextlib.contextmanager
def replayed(folder: Path, seed: int = 1, epoch: int = 0) -> Iterator[Replay]:
    """Serve the web of a seed, so many refreshes later, while the context lasts."""
    port, truth = free_port(), folder / f"truth-{seed}-{epoch}.csv"
    command = [sys.executable, f"{WEB}/replay.py", "--port", str(port), "--truth", str(truth)]
    command += ["--seed", str(seed), "--epoch", str(epoch)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as replay:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield Replay(f"http://127.0.0.1:{port}", pd.read_csv(truth, keep_default_na=False))
        finally:
            replay.terminate()


def job(store: str | Path, proxy: str, **fetch: Any) -> Config:
    """Return the tutorial's job through a proxy."""
    lists = {"tiger": f"{WEB}/lists/imagenet_tiger.txt", "kittycat": f"{WEB}/lists/imagenet_kittycat.txt"}
    config = load_config(ROOT / "examples" / "felidae.yaml", lists).model_dump()
    config["store"] = str(store)
    config["fetch"] |= {"proxy": proxy, **fetch}
    return parse_config(config)
