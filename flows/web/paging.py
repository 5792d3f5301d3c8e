"""One page of many rows."""

from dataclasses import dataclass

from regraft.flows.web.access import Refused


@dataclass(frozen=True)
class Page:
    """Which of many rows a page shows."""

    number: int
    """From 1."""
    size: int
    """Rows on a page."""
    total: int
    """Rows on all pages together."""

    @property
    def pages(self) -> int:
        """How many pages there are: one at least."""
        return max(1, -(-self.total // self.size))

    @property
    def rows(self) -> slice:
        """The rows on this page."""
        return slice((self.number - 1) * self.size, self.number * self.size)


def page_of(number: int, size: int, total: int) -> Page:
    """Return a page. Raises Refused where there is no page of that number."""
    page = Page(number, size, total)
    if number > page.pages:
        raise Refused(404, f"There is no page {number:,} of this: the last one is {page.pages:,}.")
    return page
