"""What `fetch.py` compares with img2dataset: Regraft, and bare urllib3. Each run is a program of its own.

    python tests/benchmarks/contenders.py regraft URLS STORE
    python tests/benchmarks/contenders.py bare URLS FOLDER

It imports nothing that only the benchmark needs.
"""

import os
import sys
from pathlib import Path

CORES = os.cpu_count() or 1
THREADS = 64


def regraft(urls: Path, folder: Path) -> None:
    """Regraft's fetch and screen, without Prefect: the library alone."""
    from concurrent.futures import ThreadPoolExecutor

    from regraft.process import prepare_process

    prepare_process()
    from regraft.config_file import parse_config
    from regraft.pipeline.bench import Bench
    from regraft.pipeline.run import open_run

    port = urls.read_text().split("/", 3)[2].rpartition(":")[2]
    job = {
        "name": "benchmark",
        "store": str(folder),
        "categories": {  # a job has two lists; only the first is read
            name: {"list": str(path), "label": {"mean": 1, "std": 1}}
            for name, path in {"one": urls, "two": urls.with_name("none.txt")}.items()
        },
        "fetch": {"allow": [f"127.0.0.1:{port}"], "per_host": THREADS, "connections": THREADS},
    }
    config = parse_config(job)
    with open_run(config) as spec, ThreadPoolExecutor(16) as threads:
        bench = Bench.of(spec)
        bench.crew.start()  # as a run does when it begins to read its lists
        import pandas as pd

        from regraft.dataset import screening
        from regraft.fetching.shard import CheckRules, ShardLinks, fetch_shard, links_by_lane
        from regraft.links.lists import read_list
        from regraft.links.shards import layout_for
        from regraft.web.client import Client

        links = read_list("one", str(urls), Client()).links
        layout = layout_for(links["url"].tolist(), (), None)
        shards = [
            ShardLinks(layout.path(lane, shard), rows)
            for lane, shards in links_by_lane(links, layout).items()
            for shard, rows in shards.items()
        ]

        rules = CheckRules(fetch=config.fetch, screen=config.screen, now=spec.now, since=spec.since)

        def fetch(shard: ShardLinks) -> pd.DataFrame:
            return fetch_shard(shard, rules, bench.crew, bench.store).links

        links = pd.concat(threads.map(fetch, shards), ignore_index=True)
        screened = screening.screen(links, config.screen, config.split, config.seed, bench.store, spec.now)
    counts = screened.links["reason"].replace("", "alive").value_counts().to_dict()
    print(f"  regraft: {len(screened.pictures)} pictures, {counts}", file=sys.stderr)


def drain(urls: Path, _: Path) -> None:
    """The limit: bare urllib3, nothing decoded, nothing kept."""
    import multiprocessing

    words = urls.read_text().split()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_drained, args=(words[i::CORES],)) for i in range(CORES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _drained(words: list[str]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import urllib3

    pool = urllib3.PoolManager(maxsize=16)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda url: len(pool.request("GET", url, retries=False).data), words))


if __name__ == "__main__":
    {"regraft": regraft, "bare": drain}[sys.argv[1]](*map(Path, sys.argv[2:]))
