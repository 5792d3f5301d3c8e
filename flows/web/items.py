"""A picture in a list of pictures: what is shown of it, and how a form names it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import pandas as pd

from regraft.dataset.decision import Decision, standing
from regraft.flows.web.access import Refused
from regraft.flows.web.rendering import records
from regraft.identity import Digest, short_digest
from regraft.reporting.link_search import LinkSearch, LinkTable
from regraft.reporting.named_reasons import named_reasons
from regraft.reporting.review import ReviewKind

COLUMNS = ["digest", "category", "verdict", "reason", "outcome", "url"]
"""The columns of links that items are made from."""
NO_REVIEW = "-"
"""What a form says of a picture that does not wait."""
MAX_ITEMS = 1_000
"""Pictures that are decided about at once."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A picture that a category's list shows through a link."""

    digest: Digest
    category: str
    verdict: str = ""
    reason: str = ""
    """As people name it; "" where that does not matter."""
    url: str = ""
    links: int = 1
    """Links of that list that show it."""
    refers_to: str = ""
    """The picture to compare it with; "" where there is none."""
    note: str = ""
    """What else is said of it, for people."""
    review: str = ""
    """What it waits for a person as; "" where it does not."""
    decided: str = ""
    """What was decided about it since the version; "" where nothing was."""

    @property
    def key(self) -> str:
        """What a form names it by: nothing that is numbered, because rows of a version may go."""
        return " ".join((self.digest, self.category, self.review or NO_REVIEW, self.url))


def items_of(rows: pd.DataFrame) -> list[Item]:
    """Return the pictures that some links (COLUMNS, and `note` if there is one) show."""
    columns = rows.columns.intersection([field.name for field in fields(Item)])
    return [Item(**record) for record in records(rows.assign(reason=named_reasons(rows))[columns])]


def with_decisions(items: Iterable[Item], decisions: Iterable[Decision]) -> list[Item]:
    """Return items with the last of the decisions on each that stands."""
    last = {(decision.digest, decision.category): str(decision.kind) for decision in standing(list(decisions))}
    return [
        replace(item, decided=last.get((item.digest, item.category)) or last.get((item.digest, ""), ""))
        for item in items
    ]


def named_items(links: LinkTable, keys: list[str]) -> list[Item]:
    """Return the pictures that a form names, once it is known that these links show them. Raises Refused."""
    if not keys:
        raise Refused(400, "No picture is marked; nothing was decided. Mark one, or more, and choose again.")
    if len(keys) > MAX_ITEMS:
        raise Refused(400, f"{len(keys):,} pictures are marked, and {MAX_ITEMS:,} can be decided about at once.")
    items = [_item_of(key) for key in keys]
    shown = links.find(LinkSearch(digests=frozenset(item.digest for item in items)), COLUMNS)
    known = set(shown[["digest", "category", "url"]].itertuples(index=False, name=None))
    known |= {(digest, "", url) for digest, _, url in known}  # a placeholder is one in all lists
    for item in items:
        if (item.digest, item.category, item.url) not in known:
            raise Refused(
                404,
                f"No link of this version shows the picture {short_digest(item.digest)} in the list of "
                f"{item.category!r} any more; nothing was decided. Load the page again.",
            )
    return items


def _item_of(key: str) -> Item:
    parts = key.split(" ", 3)
    if len(parts) != 4:
        raise Refused(400, "The form names no picture that could be understood; nothing was decided.")
    digest, category, review, url = parts
    if review not in (NO_REVIEW, *ReviewKind):
        raise Refused(400, f"Nothing waits as {review[:40]!r}; nothing was decided.")
    return Item(digest=Digest(digest), category=category, review="" if review == NO_REVIEW else review, url=url)
