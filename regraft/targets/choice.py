"""Which target a job has: the only place that looks at `head.target`."""

from collections.abc import Iterable
from typing import assert_never

from regraft.config import Config
from regraft.targets.categories import Categories
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target
from regraft.targets.wording import Kind


def target_of(config: Config) -> Target:
    """Return what the head of a job answers."""
    return target_of_kind(config.head.target, config.categories)


def target_of_kind(kind: Kind, categories: Iterable[str]) -> Target:
    """Return the target of a kind for a job with these categories, in any order."""
    match kind:
        case "length":
            return Lengths()
        case "category":
            return Categories(tuple(sorted(categories)))
        case _:
            assert_never(kind)
