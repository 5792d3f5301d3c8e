"""The embedded web: drawn animals behind links that die in every way. It needs no internet.

`regraft run` uses it where no config is given. Lists are written `menagerie:tiger` and `menagerie:cat` in a config; the
web behind them is served while the run lasts.
"""

import contextlib
from collections.abc import Iterator

from regraft.config import MENAGERIE, ArchiveSettings, Category, Config, FetchSettings, Normal, ScreenSettings
from regraft.errors import ListError
from regraft.menagerie.archive import TIMEGATE
from regraft.menagerie.server import serve
from regraft.menagerie.web import ANIMALS, LISTS, MAX_BYTES, Web

CONFIG = Config(
    name="menagerie",
    categories={
        "tiger": Category(list="menagerie:tiger", label=Normal(mean=100, std=30, min=20)),
        "cat": Category(list="menagerie:cat", label=Normal(mean=40, std=8, min=10)),
    },
    fetch=FetchSettings(
        deadline_s=3,
        max_bytes=MAX_BYTES,
        archive=ArchiveSettings(timegate=TIMEGATE, pace_s=0),  # it is nobody's but ours
    ),
    screen=ScreenSettings(near=4),  # drawn animals are more alike than photographs
)
"""The config of `regraft run` without one: the tutorial's job on drawn animals."""


def is_needed(config: Config) -> bool:
    """Tell whether a config has a list of the menagerie's."""
    return any(category.list.startswith(MENAGERIE) for category in config.categories.values())


def check_lists(config: Config) -> None:
    """Raise ListError where a config names a list that the menagerie has not."""
    for category in config.categories.values():
        _list_url(category.list)


@contextlib.contextmanager
def served(config: Config) -> Iterator[Config]:
    """Serve the menagerie while the context lasts, if a config needs it; yield the config with its addresses.

    Raises ListError where the config names a list that the menagerie has not.
    """
    if not is_needed(config):
        yield config
        return
    categories = {
        name: category.model_copy(update={"list": _list_url(category.list)})
        for name, category in config.categories.items()
    }
    with serve(Web()) as server:
        fetch = config.fetch.model_copy(update={"proxy": server.proxy})
        yield config.model_copy(update={"categories": categories, "fetch": fetch})


def _list_url(source: str) -> str:
    """Where a list such as `menagerie:tiger` is served; any other list's source as it is."""
    if not source.startswith(MENAGERIE):
        return source
    animal = source.removeprefix(MENAGERIE)
    if animal not in ANIMALS:
        raise ListError(
            f"The menagerie has no list {source!r}; it has: {', '.join(MENAGERIE + name for name in ANIMALS)}."
        )
    return f"{LISTS}{animal}.csv"
