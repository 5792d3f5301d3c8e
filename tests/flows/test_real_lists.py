"""The tutorial's two lists, unchanged, through a replayed web with all its rot."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from regraft import versions
from regraft.config import load_config, parse_config
from regraft.store import Store

WEB = os.environ.get("REGRAFT_WEB", "")
pytestmark = [
    pytest.mark.skipif(not WEB, reason="REGRAFT_WEB names no folder with the replayed web"),
    pytest.mark.usefixtures("prefect_server"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_real_lists_become_a_version_near_the_best_possible(tmp_path: Path) -> None:
    from flows.refresh import refresh

    port, truth = free_port(), tmp_path / "truth.csv"
    command = [sys.executable, f"{WEB}/replay.py", "--port", str(port), "--truth", str(truth)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as replay:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            lists = {"tiger": f"{WEB}/lists/imagenet_tiger.txt", "kittycat": f"{WEB}/lists/imagenet_kittycat.txt"}
            config = load_config(Path(__file__).parents[2] / "flows" / "felidae.yaml", lists).model_dump()
            config["store"] = str(tmp_path / "store")
            config["fetch"]["proxy"] = f"http://127.0.0.1:{port}"
            version = versions.version(Store(config["store"]), refresh(parse_config(config)))
        finally:
            replay.terminate()
    told = pd.read_csv(truth, keep_default_na=False)
    links = told.merge(version.table("links.parquet"), on=["url", "category"], how="left", validate="1:1")
    alive = links["alive"] == 1
    found = (links["verdict"] == "alive") | links["reason"].isin(["duplicate", "near_duplicate"])
    recall = float(found[alive].mean())
    in_manifest = {url for urls in version.table("manifest.parquet")["urls"] for url in urls}
    metrics = version.json("metrics.json")
    print(pd.crosstab(links["fate"], links["verdict"] + " " + links["reason"]).T.to_string())
    print(f"recall {recall:.4f}, RMSE {metrics['test']['rmse']:.2f}, oracle {metrics['oracle']['rmse']:.2f}")
    print(f"excess {metrics['excess']:.3f}, AUC {metrics['test']['auc']:.4f}")
    assert recall >= 0.98
    assert not in_manifest & set(links.loc[~alive, "url"])
    assert metrics["test"]["rmse"] <= 1.15 * metrics["oracle"]["rmse"]
    assert metrics["test"]["auc"] >= 0.98
