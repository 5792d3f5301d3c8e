"""`regraft accept`, `reject`, `decide`, `decisions`: what persons decide about pictures."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.errors import LinkError
from regraft.flows.cli.app import JsonOption, Panel, StoreOption, app, exit_with_message, url_as_listed
from regraft.flows.cli.output import printable, table
from regraft.flows.this_machine import user_name
from regraft.identity import short_digest

if TYPE_CHECKING:
    from regraft.dataset.decision import Decision
    from regraft.upkeep.decide import KnownPictures

NamesArgument = Annotated[
    list[str], typer.Argument(metavar="LINK...", help="Links, or digests of pictures; 8 digits are enough.")
]
WhyOption = Annotated[str, typer.Option("--why", help="Why, in your own words.")]
CategoryOption = Annotated[str, typer.Option("--category", help="Only in the list of this category.")]


@app.command(rich_help_panel=Panel.PUT_RIGHT)
def accept(links: NamesArgument, why: WhyOption = "", category: CategoryOption = "", store: StoreOption = None) -> None:
    """Let the next run learn from pictures that were left out: replaced, misfiled, or taken for a placeholder.

    Look at them first. `regraft decide undo LINK` takes it back.

    Example: `regraft accept http://example.org/cat.jpg`
    """
    with exit_with_message():
        _decide("accept", links, store, why=why, category=category)


@app.command(rich_help_panel=Panel.PUT_RIGHT)
def reject(links: NamesArgument, why: WhyOption = "", category: CategoryOption = "", store: StoreOption = None) -> None:
    """Have no run learn from pictures any more. `regraft decide undo LINK` takes it back.

    Example: `regraft reject http://example.org/drawing.jpg --why "a drawing, no cat"`
    """
    with exit_with_message():
        _decide("reject", links, store, why=why, category=category)


@app.command(rich_help_panel=Panel.PUT_RIGHT)
def decide(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="`accept`, `reject`, `move`, `not_placeholder`, `same_picture`, `skip`, or `undo`.",
            show_default=False,
        ),
    ] = None,
    links: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LINK...]", help="Links, digests of pictures (8 digits are enough); to undo also a decision's id."
        ),
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="A CSV file of decisions, such as `regraft decisions --csv` prints.")
    ] = None,
    to: Annotated[str, typer.Option("--to", help="The category that pictures are moved to.")] = "",
    why: WhyOption = "",
    category: CategoryOption = "",
    store: StoreOption = None,
) -> None:
    """Decide about pictures, one by one or by a file; the next run honours it, and it can be taken back.

    `accept`: learn from it, whatever speaks against it. `reject`: do not. `move`: it is of another category, --to.
    `not_placeholder`: it does not stand for photos that are gone. `same_picture`: the link shows what it always showed.
    `skip`: ask nobody again until something changes. `undo`: take the last decision back.

    Of a file all decisions are kept, or none where a line is wrong.

    Examples:
    - `regraft decide move http://example.org/17.jpg --to tiger`
    - `regraft decide undo http://example.org/17.jpg`
    - `regraft decide --from decisions.csv`
    """
    with exit_with_message():
        if (kind is None) == (from_file is None) or (kind is not None and not links):
            raise LinkError("Say what to decide and about which links, or --from FILE; nothing was changed.")
        if from_file is not None:
            _decide_from(from_file, store)
        elif kind is not None:
            _decide(kind, links or [], store, why=why, category=category, to_category=to)


@app.command(rich_help_panel=Panel.LOOK)
def decisions(
    store: StoreOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, which `regraft decide --from` reads.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what persons decided about pictures, the last decision last.

    Examples: `regraft decisions`, `regraft decisions --csv > decisions.csv`
    """
    with exit_with_message():
        from regraft.dataset.decision import table_of
        from regraft.dataset.decisions import all_decisions
        from regraft.flows.cli.stores import open_store
        from regraft.upkeep.decision_csv import to_csv

        known = all_decisions(open_store(store))
        if as_csv:
            text = to_csv(known)
            sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
        elif as_json:
            print(json.dumps(json.loads(table_of(known).to_json(orient="records", date_format="iso")), indent=1))
        elif not known:
            print("Nobody has decided anything yet. `regraft serve` shows what waits, and takes decisions.")
        else:
            table(["when", "who", "decision", "picture", "in", "link", "why", "id", ""], _cells(known))


def _cells(decisions: "Sequence[Decision]") -> list[list[str]]:
    """Decisions as the rows of a table."""
    from regraft.dataset.decision import standing, undone_ids

    undone, holding = undone_ids(decisions), {decision.id for decision in standing(decisions)}
    return [
        [
            f"{decision.decided_at:%Y-%m-%d %H:%M}",
            decision.decided_by,
            f"{decision.kind} {decision.to_category}".strip(),
            short_digest(decision.digest),
            decision.category or "all",
            decision.url,
            decision.why,
            decision.id,
            "undone" if decision.id in undone else "holds" if decision.id in holding else "",
        ]
        for decision in decisions
    ]


def _decide(kind: str, names: Sequence[str], url: str | None, **fields: str) -> None:
    """Keep what somebody decides about links; all of it, or nothing where a link is wrong."""
    from regraft.dataset.decision import Decision
    from regraft.flows.cli.stores import open_store
    from regraft.upkeep.decide import KnownPictures, decisions_on, kind_named

    pictures = KnownPictures(open_store(url))
    person = {"decided_at": datetime.now(UTC), "decided_by": user_name()}
    wish = Decision(kind=kind_named(kind), **person, **fields)  # type: ignore[arg-type]
    named = [url_as_listed(name) for name in names]
    if not _keep([decision for name in named for decision in decisions_on(name, wish, pictures)], pictures):
        words = " For other words, take it back first: `regraft decide undo LINK`." if wish.why else ""
        print(f"That is decided already; nothing was changed.{words}")


def _decide_from(file: Path, url: str | None) -> None:
    """Keep the decisions in a file."""
    from regraft.flows.cli.stores import open_store
    from regraft.upkeep.decide import KnownPictures
    from regraft.upkeep.decision_csv import from_csv

    pictures = KnownPictures(open_store(url))
    imported = from_csv(file, user_name(), datetime.now(UTC), pictures)
    _keep(imported.decisions, pictures, is_history=True)
    print(f"{file}: {len(imported.decisions)} decided, {imported.known} were decided so already.")


def _keep(new: "Sequence[Decision]", pictures: "KnownPictures", is_history: bool = False) -> int:
    """Have the store keep decisions, say of each what was decided, and return how many are new."""
    from regraft.dataset.decision import IN_THE_PAST
    from regraft.dataset.decisions import decide

    kept = decide(pictures.store, new, is_history, known=pictures.decisions)
    for decision in kept:
        where = f" to {decision.to_category}" if decision.to_category else ""
        print(printable(f"{IN_THE_PAST[decision.kind]}{where}: {decision.url or decision.digest}"))
    return len(kept)
