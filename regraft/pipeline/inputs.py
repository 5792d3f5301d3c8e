"""What a run starts from: its lists, its backbone's weights, and its store.

Nothing here imports TensorFlow or Prefect, so what is wrong with them is said at once.
"""

import math
from collections.abc import Iterator

from regraft.backbones.weights import check_weights
from regraft.config import MENAGERIE, Config
from regraft.errors import ConfigError
from regraft.links.list_header import Columns
from regraft.links.lists import Listed, read_list
from regraft.pipeline.store_check import check_store
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from regraft.web.client import Client

MAX_FETCHED_LIST_BYTES = 256_000_000
"""Of a list on the web, as it is sent; `fetch.max_bytes` is for pictures."""


def check_inputs(config: Config) -> None:
    """Raise what a run would raise over its lists, weights and store, before it does anything else.

    The menagerie's lists are there only while it is served, so they are not read.
    """
    check_weights(config.backbone.name, config.backbone.weights)
    client = _client(config)
    labels: set[float] = set()  # NaN where they are drawn
    for name, category in config.categories.items():
        is_embedded = category.list.startswith(MENAGERIE)
        labels |= {math.nan} if is_embedded else set(_read_list(name, config, client).links["label"].unique()[:2])
    if len(labels) == 1 and not math.isnan(label := labels.pop()):
        raise ConfigError(
            f"All links have the label {label:g} cm: there is nothing to learn. Look at the labels in the lists."
        )
    check_store(config.store)


def read_lists(config: Config) -> Iterator[tuple[str, Listed]]:
    """Yield each category and what its list holds.

    Raises ListError naming the list that cannot be read, ConfigError where nothing says how long a category's animals
    are.
    """
    client = _client(config)
    for name in config.categories:
        yield name, _read_list(name, config, client)


def _client(config: Config) -> Client:
    """A client for lists, which may be larger than pictures."""
    largest = max(MAX_FETCHED_LIST_BYTES, config.fetch.max_bytes)
    return Client.of(config.fetch.model_copy(update={"max_bytes": largest}))


def _read_list(name: str, config: Config, client: Client) -> Listed:
    """What one category's list holds."""
    category, target = config.categories[name], target_of(config)
    columns = Columns(category.url_column, category.label_column, has_lengths=target.regresses_lengths)
    listed = read_list(name, category.list, client, columns)
    target.check_labels(name, listed.links, SyntheticLabels.of(config))
    return listed
