"""A web whose hosts have all moved to one; and a job of links there."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from regraft.config import Config, EngineSettings
from regraft.config_file import parse_config
from regraft.links.memory import all_known_links
from regraft.menagerie.drawing import drawing, encoded
from regraft.store.store import Store
from tests.hostile import Talk, ok
from tests.under_way import UnderWay

PER_HOST = 2
LINKS = 48
ANSWER_S = 0.02
"""How long each answer takes at least, so that requests overlap."""
PICTURES = [encoded(drawing("cat", f"redirects {number}"), "JPEG") for number in range(4)]
NEW = "new.example.org"
"""The host that all have moved to."""
BUSY = f"http://{NEW}/1000"
"""A link that it answers with 429, and asks to be left alone for two minutes."""
RESULT_COLUMNS = ["url", "category", "reason", "final_url", "digest"]
"""What is known of links in the end, on however many machines, and however often a run was cut off."""


@dataclass
class Moved:
    """A web whose hosts have all moved to one, some of them by way of another; and how many asked each at a time."""

    under_way: UnderWay = field(default_factory=UnderWay)
    began_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By host, when each of its requests came in."""
    busy_at: list[float] = field(default_factory=list)
    """When it was said that the new host is to be left alone."""

    def answer(self, talk: Talk) -> None:
        """Answer one request."""
        host, path = urlsplit(talk.path).netloc, urlsplit(talk.path).path
        self.began_at[host].append(time.monotonic())
        with self.under_way.counted(host):
            talk.wait(ANSWER_S)
        if talk.path == BUSY:
            self.busy_at.append(time.monotonic())
        talk.say(self._page(host, int(path.strip("/"))))

    def _page(self, host: str, number: int) -> bytes:
        if f"http://{host}/{number}" == BUSY:
            return b"HTTP/1.1 429 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
        if host == NEW:
            return b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n" if number % 3 == 0 else ok(PICTURES[number % 4])
        is_direct = host == "between.example.net" or number % 2
        target = NEW if is_direct else "between.example.net"
        return f"HTTP/1.1 301 M\r\nLocation: http://{target}/{number}\r\nContent-Length: 0\r\n\r\n".encode()


def job(
    folder: Path, proxy: str, machines: int, processes: int = 1, further: Sequence[str] = (), **fetch: Any
) -> Config:
    """Return a job of LINKS links, and `further` ones, through a proxy."""
    categories = {}
    for name, first in (("cat", 0), ("lion", 1)):
        urls = [f"http://old{number % 12}.example.com/{number}" for number in range(first, LINKS, 2)]
        (folder / name).write_text("\n".join([*urls, *further]))
        further = ()
        categories[name] = {"list": str(folder / name), "label": {"mean": 40, "std": 8}}
    settings = {"per_host": PER_HOST, "processes": processes, "connections": 16, "proxy": proxy, "attempts": 1}
    config = parse_config(
        {"name": "moved", "store": str(folder / "store"), "categories": categories, "fetch": settings | fetch}
    )
    engine = EngineSettings(kind="dask", address="tcp://nowhere:1") if machines > 1 else EngineSettings()
    return config.model_copy(update={"engine": engine})


def remembered(config: Config) -> pd.DataFrame:
    """What the store knows of links, but for when and how fast."""
    known = all_known_links(Store(config.store))
    return known[[*RESULT_COLUMNS, "attempts", "outcome"]].sort_values("url", ignore_index=True)
