"""What a run still waits for, when nothing has come in for a while: so that whoever watches knows why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAMED_HOSTS = 3
"""Hosts that are named at most."""


@dataclass(frozen=True)
class Waiting:
    """The links that are still waited for."""

    links: Mapping[str, int]
    """How many, by host."""
    at_most_s: float | None
    """Seconds until the last of them is given up, if their hosts stay silent; None before all of them are sent."""

    @classmethod
    def sum(cls, parts: Sequence["Waiting"]) -> "Waiting":
        """Return what several processes wait for together."""
        links = sum((Counter(part.links) for part in parts), Counter[str]())
        bounds = [part.at_most_s for part in parts if part.at_most_s is not None]
        return cls(links, max(bounds, default=0.0) if len(bounds) == len(parts) else None)

    def __str__(self) -> str:
        """Return it in words: `waiting for 6 links of 2 hosts: a.example, b.example; at most 12 s ...`."""
        links, hosts = sum(self.links.values()), len(self.links)
        named = sorted(self.links, key=lambda host: (-self.links[host], host))[:NAMED_HOSTS]
        names = ", ".join(named) + (", ..." if hosts > len(named) else "")
        counts = f"{links:,} link{'s' * (links != 1)} of {hosts:,} host{'s' * (hosts != 1)}"
        bound = f"; at most {self.at_most_s:.0f} s if they stay silent" if self.at_most_s is not None else ""
        return f"waiting for {counts}: {names}{bound}"
