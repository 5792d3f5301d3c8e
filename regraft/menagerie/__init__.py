"""The embedded web: drawn animals behind links that die in every way. Needs no internet; the default of `regraft run`.

A list written `menagerie:tiger` or `menagerie:cat` is read from here, and the web behind it is served while the run
lasts.
"""

import contextlib
from collections.abc import Iterator

from regraft.config import MENAGERIE, Category, Config, FetchSettings, Normal
from regraft.errors import ListError
from regraft.menagerie.server import serve
from regraft.menagerie.web import ANIMALS, LISTS, MAX_BYTES, Web

CONFIG = Config(
    name="menagerie",
    categories={
        "tiger": Category(list="menagerie:tiger", label=Normal(mean=100, std=30, min=20)),
        "cat": Category(list="menagerie:cat", label=Normal(mean=40, std=8, min=10)),
    },
    fetch=FetchSettings(deadline_s=3, max_bytes=MAX_BYTES),
)
"""The embedded default: the tutorial's job on drawn animals."""


def is_needed(config: Config) -> bool:
    """Tell whether a config has a list in the menagerie."""
    return any(category.list.startswith(MENAGERIE) for category in config.categories.values())


@contextlib.contextmanager
def served(config: Config) -> Iterator[Config]:
    """Serve the menagerie while the context lasts, if a config asks for it; yield the config that reaches it.

    Raises ListError where there is no such list.
    """
    if not is_needed(config):
        yield config
        return
    categories = {
        name: category.model_copy(update={"list": _address(category.list)})
        for name, category in config.categories.items()
    }
    with serve(Web()) as server:
        fetch = config.fetch.model_copy(update={"proxy": server.proxy})
        yield config.model_copy(update={"categories": categories, "fetch": fetch})


def _address(source: str) -> str:
    """Where a list such as `menagerie:tiger` is served; any other list as it is."""
    if not source.startswith(MENAGERIE):
        return source
    animal = source.removeprefix(MENAGERIE)
    if animal not in ANIMALS:
        raise ListError(f"The menagerie has no list {source!r}; it has: {', '.join(MENAGERIE + a for a in ANIMALS)}.")
    return f"{LISTS}{animal}.txt"
