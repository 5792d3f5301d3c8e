"""From lists to pictures to learn from: links are read, fetched, asked of an archive, and screened together."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa

from regraft.backbones.weights import check_weights
from regraft.config import Config
from regraft.dataset import screening
from regraft.dataset.decisions import all_decisions
from regraft.dataset.honouring import Rulings
from regraft.dataset.placeholders import shows_placeholder
from regraft.errors import ListError
from regraft.fetching import archive as archives
from regraft.fetching.budget import Budget
from regraft.fetching.crew import Crew
from regraft.fetching.outage import Failures, check_outage
from regraft.fetching.pending import Progress
from regraft.fetching.shard import CheckRules, ShardLinks, fetch_shard, links_by_lane, remember_silent
from regraft.fetching.troubles import Troubles
from regraft.identity import Digest
from regraft.links.guests import bring_home
from regraft.links.lists import Listed
from regraft.links.memory import MEMORY
from regraft.links.removals import Removals
from regraft.links.shards import layout_for, put_in_layout
from regraft.pipeline.bench import Bench
from regraft.pipeline.handover import put_screened
from regraft.pipeline.inputs import read_lists
from regraft.pipeline.results import FetchedLane, FetchedShard, Lane, Links, Screened, Shard
from regraft.store.layout import guests_path

log = logging.getLogger("regraft")
SHARDS_AT_A_TIME = 4
"""Shards of a lane that are fetched side by side: while one waits for its slowest hosts, the next goes on."""


def read(bench: Bench) -> Links:
    """Return every link of every list. Raises ListError naming the list that cannot be read.

    Raises ConfigError where nothing says how long a category's animals are, and BackboneError where the backbone's
    weights are not there: better now than after an hour of fetching.
    """
    config = bench.config
    check_weights(config.backbone.name, config.backbone.weights)
    if config.engine.kind == "threads":
        bench.crew.start()  # this process fetches, too
    with bench.meter.step("read"):
        links, columns = _links_of_lists(config, bench)
        layout = layout_for(links["url"].unique().tolist(), config.fetch.spread, bench.store.layout)
        put_in_layout(bench.store, layout)
        put = bench.drafts.put_table
        lanes = tuple(
            Lane(
                lane,
                tuple(
                    Shard(layout.path(lane, shard), part["url"].nunique(), put(part[["url", "category"]]))
                    for shard, part in shards.items()
                ),
                share=sum(map(len, shards.values())) / len(links),
            )
            for lane, shards in links_by_lane(links, layout).items()
        )
        return Links(lanes, put(links[["url", "label"]][links["label"].notna()]), columns)


def _links_of_lists(config: Config, bench: Bench) -> tuple[pd.DataFrame, dict[str, Digest]]:
    """The links of all lists, and drafts of the other columns of each list that has some. Raises ListError."""
    links, columns = [], {}
    for category, listed in read_lists(config):
        listed = _without_removed(listed, bench.removals)
        links.append(listed.links)
        if listed.columns.num_columns > 1:
            columns[category] = bench.drafts.put_arrow(listed.columns)
    left = pd.concat(links, ignore_index=True)
    if left.empty:
        raise ListError("Somebody had every link of the lists removed, so none is asked for. Add others.")
    return left, columns


def _without_removed(listed: Listed, removals: Removals) -> Listed:
    """A list without what somebody had removed: of that no table holds a word."""
    if not removals:
        return listed
    is_removed = listed.links["url"].map(removals.has_link).to_numpy(dtype=bool)
    if is_removed.any():
        log.info("Left out, because somebody had them removed: %s of a list's links.", int(is_removed.sum()))
    return Listed(listed.links[~is_removed].reset_index(drop=True), listed.columns.filter(pa.array(~is_removed)))


def fetch(lane: Lane, bench: Bench) -> FetchedLane:
    """Check a lane's links, keep their pictures, and remember both. Raises OutageError where this machine is down."""
    progress, budget = bench.meter.expect("fetch", lane.urls), bench.budget(lane.share)
    troubles = Troubles(lane.troubles)
    with ThreadPoolExecutor(SHARDS_AT_A_TIME) as threads:
        checked = list(threads.map(lambda shard: _fetch_shard(shard, bench, budget, progress, troubles), lane.shards))
    shards, failures = zip(*checked, strict=True)
    unspent = lane.share * budget.share_left
    return FetchedLane(lane.number, shards, Failures.sum(failures), unspent, troubles.now())


def _fetch_shard(
    shard: Shard, bench: Bench, budget: Budget, progress: Progress, troubles: Troubles
) -> tuple[FetchedShard, Failures]:
    config, put, placeholders = bench.config, bench.drafts.put_table, bench.placeholders
    rules = CheckRules(
        fetch=config.fetch,
        screen=config.screen,
        now=bench.spec.now,
        since=bench.spec.since,
        shows_placeholder=lambda known: shows_placeholder(known, placeholders),
    )
    checked = fetch_shard(
        ShardLinks(shard.path, bench.drafts.table(shard.table), shard.kept_at, troubles),
        rules,
        bench.crew,
        bench.store,
        budget=budget,
        progress=progress,
        on_new_picture=bench.early.put if bench.early else lambda digest: None,
    )
    silent = put(checked.silent) if len(checked.silent) else None
    onward = {
        lane: Shard(shard.path, guests["url"].nunique(), put(guests), guests_path(shard.path, lane))
        for lane, guests in checked.onward.items()
    }
    return FetchedShard(shard.path, put(checked.links), silent, onward, shard.kept_at), checked.failures


def ask_archive(fetched: Sequence[FetchedLane], bench: Bench) -> int:
    """Ask the config's web archive for dead links, if it names one; return of how many there is a new picture.

    Raises OutageError where this machine was down, so that nobody knows which links are dead.
    """
    fetch, archive = bench.config.fetch, bench.config.fetch.archive
    if archive is None:
        return 0
    with bench.meter.step("archive"):
        check_outage(Failures.sum(lane.failures for lane in fetched), fetch.outage_share)
        links, politely = _links_of(fetched, bench), archives.archive_fetch(fetch, archive)
        store_url, screen_settings = bench.spec.store_url, bench.config.screen
        with Crew(store_url, politely, screen_settings, bench.nearby, removals=bench.removals) as crew:
            return archives.ask_archive(links, archive, crew, bench.store, bench.spec.now, bench.budget(1.0))


def _links_of(fetched: Sequence[FetchedLane], bench: Bench) -> pd.DataFrame:
    """All links of a run, columns memory.MEMORY."""
    shards = [shard for lane in fetched for shard in lane.shards]
    return pd.concat([bench.drafts.table(shard.table) for shard in shards], ignore_index=True)[MEMORY.names]


def screen(fetched: Sequence[FetchedLane], bench: Bench) -> Screened:
    """Return the last verdicts on all links, and the pictures to learn from. Needs memory for the whole table.

    Raises OutageError where this machine was down, before the store remembers any link as one that gave no answer.
    """
    with bench.meter.step("screen"):
        check_outage(Failures.sum(lane.failures for lane in fetched), bench.config.fetch.outage_share)
        shards = [shard for lane in fetched for shard in lane.shards]
        bring_home(bench.store, [shard.kept_at for shard in shards if shard.kept_at])
        for shard in shards:
            if shard.silent is not None:
                remember_silent(shard.path, bench.drafts.table(shard.silent), bench.store)
        links = _links_of(fetched, bench)
        config, now = bench.config, bench.spec.now
        rulings = Rulings(all_decisions(bench.store), config.categories, config.screen.near)
        screened = screening.screen(links, config.screen, config.split, config.seed, bench.store, now, rulings)
        return put_screened(screened, bench.drafts)
