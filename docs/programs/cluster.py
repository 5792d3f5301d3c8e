"""What ten million links cost on ten machines and a bucket: a simulation from measured rates, for docs/scaling.md.

Run it from the repository's root for other numbers: `python -m docs.programs.cluster 1000000 4`.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from docs.programs.markdown import table_of
from regraft.config import FetchSettings
from regraft.links.shards import LINKS_PER_SHARD, lanes_for, place_of
from regraft.store.layout import Layout

LINKS_S = 1188
"""Links that a machine of two cores fetches and judges in a second, with pictures of 100 kB: docs/benchmarks.md."""
UNCHANGED_LINKS_S = 3735
"""The same where all servers answer 304: docs/benchmarks.md."""
EMBEDDED_S = 126
"""Pictures that such a machine embeds in a second: docs/benchmarks.md."""
ALIVE_SHARE = 0.29
"""840 photographs of 2,858 links: the tutorial's lists, see docs/benchmarks.md."""
PICTURE_BYTES = 100_000
"""The mean of the fetching benchmark, and of the photographs."""
LINK_BYTES = 75
"""What the store remembers of a link: measured on 4,000 made links, 30% of them alive."""
FEATURE_BYTES = 1280 * 4 + 32
"""A picture's features from efficientnet-lite0, and its digest."""
HOST_SHARES = (0.363, 0.161, 0.145, 0.052, 0.039, 0.020)
"""The largest hosts' parts of the tutorial's two lists; the other 442 hosts have half a thousandth each."""
MAX_SMALL_HOSTS = 20_000
"""More of them make no difference to how evenly they lie in lanes."""
ANSWER_S = 0.3
"""Seconds that a host takes for an answer. Assumed: it decides how long a large host takes, and nothing else."""
SHARD_REQUESTS = 7
"""What a shard asks of the bucket: its links put and read, its memory read and written, what came of them put and
read, and the silent ones: counted on moto's server."""
RUN_REQUESTS = 115
"""What a run asks of it besides: lock, versions, tables, the files of its version; counted on moto's server."""
LISTED = 1000
"""Objects in one answer of a listing."""


@dataclass(frozen=True)
class Plan:
    """A job and the machines for it."""

    links: int
    machines: int
    spread: int = 0
    """How many of the largest hosts are asked by all machines at the same time."""


TEN_MILLION = Plan(10_000_000, 10)
"""The job in docs/scaling.md."""


def hosts(links: int) -> dict[str, int]:
    """Return the links of each host, as the tutorial's lists have them."""
    large = {f"host{rank}.example": int(share * links) for rank, share in enumerate(HOST_SHARES)}
    small = min(MAX_SMALL_HOSTS, max(1, links // 2858 * 442))
    rest = links - sum(large.values())
    return large | {f"small{number}.example": rest // small for number in range(small)}


def layout(plan: Plan) -> Layout:
    """Return the lanes of a store with so many links."""
    return Layout((1,) * lanes_for(plan.links))


def fetch_hours(plan: Plan, links_s: float, due_share: float) -> dict[str, float]:
    """Return the hours that fetching this share of the links takes at least: the machines' work, the largest host's.

    A lane is fetched by one machine, and lanes go to machines in turn. A host is asked by `per_host` connections, and
    a spread one by so many of each machine.
    """
    cut, per_host = layout(plan), FetchSettings().per_host
    work = [0.0] * plan.machines
    slowest = 0.0
    for rank, (host, links) in enumerate(hosts(plan.links).items()):
        machines = plan.machines if rank < plan.spread else 1
        slowest = max(slowest, links * ANSWER_S / (per_host * machines))
        if machines > 1:
            work = [load + links / machines for load in work]
        else:
            work[place_of(f"http://{host}/", cut)[0] % plan.machines] += links
    return {
        "the machines' work": due_share * max(work) / links_s / 3600,
        "the largest host": due_share * slowest / 3600,
    }


def requests(plan: Plan, is_cold: bool) -> dict[str, float]:
    """Return how many requests the bucket gets, by kind: every picture is put, and read once to be embedded."""
    pictures = plan.links * ALIVE_SHARE
    shards = plan.links / LINKS_PER_SHARD
    tables = shards * SHARD_REQUESTS + RUN_REQUESTS
    if is_cold:
        return {"writes": pictures + tables / 2, "reads": pictures + tables / 2, "listings": 10.0}
    return {"writes": tables / 2, "reads": tables / 2, "listings": plan.machines * pictures / LISTED}


def store_bytes(plan: Plan) -> dict[str, float]:
    """Return the size of the store after a first run, by kind."""
    pictures = plan.links * ALIVE_SHARE
    return {
        "pictures": pictures * PICTURE_BYTES,
        "features": pictures * FEATURE_BYTES,
        "what is known of links": plan.links * LINK_BYTES,
    }


def cluster_table(plan: Plan = TEN_MILLION) -> str:
    """Return the figures as a table: a first run, and a night on which nothing has changed."""
    pictures = plan.links * ALIVE_SHARE
    spread = Plan(plan.links, plan.machines, len(HOST_SHARES))
    rows = [["", "the first run", "an unchanged night"], ["---", "---:", "---:"]]
    runs = ((LINKS_S, 1.0), (UNCHANGED_LINKS_S, ALIVE_SHARE))  # links that died long ago are left alone
    for name, each in (("", plan), (f", the {len(HOST_SHARES)} largest hosts spread", spread)):
        cells = [fetch_hours(each, *run) for run in runs]
        rows += [[f"fetching, hours for {what}{name}", *(f"{hours[what]:.1f}" for hours in cells)] for what in cells[0]]
    embed_hours = pictures / EMBEDDED_S / plan.machines / 3600
    rows.append([f"embedding on {plan.machines} machines, hours", f"{embed_hours:.1f}", "0.0"])
    rows.append(["fetched from the web", _size(pictures * PICTURE_BYTES), "headers only"])
    cold, night = requests(plan, True), requests(plan, False)
    rows += [[f"the bucket's {kind}", f"{cold[kind]:,.0f}", f"{night[kind]:,.0f}"] for kind in cold]
    rows.append(["the same, for each picture", *(f"{sum(kinds.values()) / pictures:.3f}" for kinds in (cold, night))])
    rows += [[f"the store's {kind}", _size(size), "the same"] for kind, size in store_bytes(plan).items()]
    return table_of(rows)


def _size(size: float) -> str:
    units: Mapping[str, float] = {"TB": 1e12, "GB": 1e9, "MB": 1e6}
    unit = next((unit for unit, scale in units.items() if size >= scale), "MB")
    return f"{size / units[unit]:,.1f} {unit}"


if __name__ == "__main__":
    print(cluster_table(Plan(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else TEN_MILLION))
