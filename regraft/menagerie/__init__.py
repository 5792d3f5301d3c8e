"""The embedded web: drawn animals behind links that die in every way. Needs no internet; the default of `regraft run`.

A list written `menagerie:tiger` or `menagerie:cat` is read from here, and the web behind it is served while the run
lasts.
"""

import contextlib
from collections.abc import Iterator

from regraft.config import Category, Config, FetchSettings, Normal
from regraft.errors import ListError
from regraft.lists import MENAGERIE
from regraft.menagerie.server import serve
from regraft.menagerie.web import ANIMALS, MAX_BYTES, Web

CONFIG = Config(
    name="menagerie",
    categories={
        "tiger": Category(list="menagerie:tiger", label=Normal(mean=100, std=30, min=20)),
        "cat": Category(list="menagerie:cat", label=Normal(mean=40, std=8, min=10)),
    },
    fetch=FetchSettings(deadline_s=3, max_bytes=MAX_BYTES),
)
"""The embedded default: the tutorial's job on drawn animals."""


def asked_for(config: Config) -> bool:
    """Tell whether a config has a list in the menagerie."""
    return any(category.list.startswith(MENAGERIE) for category in config.categories.values())


def links(source: str) -> list[str]:
    """Return the URLs of a list such as `menagerie:tiger`. Raises ListError where there is none."""
    animal = source.removeprefix(MENAGERIE)
    if animal not in ANIMALS:
        raise ListError(f"The menagerie has no list {source!r}; it has: {', '.join(MENAGERIE + a for a in ANIMALS)}.")
    return Web().lists[animal]


@contextlib.contextmanager
def served(config: Config) -> Iterator[Config]:
    """Serve the menagerie while the context lasts, if a config asks for it; yield the config that reaches it."""
    if not asked_for(config):
        yield config
        return
    with serve(Web()) as server:
        yield config.model_copy(update={"fetch": config.fetch.model_copy(update={"proxy": server.proxy})})
