"""`regraft links`: what became of links, and why: one link as a story, many as a summary and a table."""

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.errors import ConfigError
from regraft.flows.cli.app import JsonOption, Panel, StoreOption, app, exit_with_message, url_as_listed
from regraft.flows.cli.output import printable, table
from regraft.verdicts import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from regraft.reporting.chosen_links import LinkChoice
    from regraft.reporting.evidence import Story
    from regraft.reporting.link_sentences import Row
    from regraft.store.store import Store
    from regraft.store.version import Version

HOST_ONLY = re.compile(r"(?:(?:[a-zA-Z]+:)?//)?([^/?#]+)/?")
"""What names a host and nothing on it, as a URL or without the scheme."""
MAX_ROWS = 200
"""Links that are printed to a terminal at most; a pipe, --csv and --json get all."""


@app.command(rich_help_panel=Panel.LOOK)
def links(
    what: Annotated[
        str,
        typer.Argument(
            metavar="URL_OR_HOST",
            help="A link, however it is spelt; or a host, or the first digits of a picture, for all of its links.",
        ),
    ] = "",
    store: StoreOption = None,
    reason: Annotated[
        list[str] | None, typer.Option("--reason", metavar="REASON", help="Only links with this reason, such as gone.")
    ] = None,
    verdict: Annotated[list[Verdict] | None, typer.Option("--verdict", help="Only links with this verdict.")] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME", help="Only links of this category's list.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all columns as CSV, for spreadsheets.")] = False,
) -> None:
    """Say what became of links and why: one link's story over all versions, or a host's links, counted and listed.

    A story says since when a link is alive or dead, when another picture replaced it, what its last request came to,
    and when it is asked again. Options that choose among links may be used more than once.

    Examples:
    - `regraft links http://photos.savanna.example/tiger/035.jpg`
    - `regraft links photos.savanna.example --verdict dead`
    - `regraft links --reason archived`: what a web archive has kept of dead links
    - `regraft links --reason misfiled --reason replaced --csv > look.csv`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.reporting.chosen_links import LinkChoice

        opened, word = open_store(store), url_as_listed(what).strip()
        host_only = HOST_ONLY.fullmatch(word)
        host = host_only[1] if host_only else word
        choice = LinkChoice(host=host, reasons=reason or (), verdicts=verdict or (), categories=category or ())
        if as_json and as_csv:
            raise ConfigError("--json and --csv are two ways to print the same: leave one out.")
        version = None if "/" in host else _version_of_host(word, opened)
        if version is None:
            _print_link(word, opened, choice, as_json, as_csv)
            return
        rows = choice.of(version)
        if as_json:
            print(_json(rows))
        elif as_csv:
            print(_csv(rows), end="")
        else:
            _print_links(rows, choice, version)


def _version_of_host(word: str, store: "Store") -> "Version | None":
    """The newest version; None where a list has just that word: it is a link, not a host."""
    from regraft.reporting.chosen_links import LINKS
    from regraft.store import versions

    version = versions.newest(store)
    return None if len(version.rows(LINKS, "url", [word], ["url"])) else version


def _print_links(rows: "pd.DataFrame", choice: "LinkChoice", version: "Version") -> None:
    """Print how many links have which reason and how many survive, and then the links."""
    from regraft.reporting.chosen_links import reason_counts, survivors
    from regraft.reporting.link_sentences import evidence
    from regraft.reporting.named_reasons import named_reasons
    from regraft.reporting.sentences import from_archive

    alive = int((rows["verdict"] == Verdict.ALIVE).sum())
    links = "1 link" if len(rows) == 1 else f"{len(rows):,} links"
    print(printable(f"{choice.host or 'All lists'}: {links}, {alive:,} alive{from_archive(rows)}."))
    if choice.is_whole:
        ever, still = survivors(rows, choice, version)
        share = f" ({still / ever:.0%})" if ever else ""
        print(f"Of {ever:,} that ever showed a photo {still:,} still do{share}.")
    if rows.empty:
        return
    counts = [(reason, verdict, count, f"{count / len(rows):.0%}") for reason, verdict, count in reason_counts(rows)]
    table(["reason", "verdict", "links", "share"], counts)
    shown = rows.head(MAX_ROWS) if sys.stdout.isatty() else rows
    named = zip(named_reasons(shown), _with_evidence(shown), strict=True)
    cells = [(reason, row["category"], row["url"], evidence(row)) for reason, row in named]
    table(["reason", "category", "url", "why"], cells, folded=("url", "why"))
    if len(shown) < len(rows):
        print(f"{len(rows) - len(shown):,} more: choose with --reason, --verdict or --category, or print with --csv.")


def _with_evidence(rows: "pd.DataFrame") -> "list[Row]":
    """What is printed of rows of links.parquet; null where an earlier Regraft did not know of it."""
    from regraft.reporting.link_sentences import EVIDENCE

    known = rows.reindex(columns=["category", "url", *EVIDENCE])
    return [{str(key): value for key, value in row.items()} for row in known.to_dict("records")]


def _print_link(url: str, store: "Store", choice: "LinkChoice", as_json: bool, as_csv: bool) -> None:
    """Print a link's story in each list that has it."""
    import pandas as pd

    from regraft.reporting.evidence import stories

    if not choice.is_whole:
        raise ConfigError("--reason, --verdict and --category choose among a host's links; this is one link.")
    in_lists = stories(store, url)
    if as_json or as_csv:
        rows = pd.DataFrame([story.row for story in in_lists])
        print(_json(rows, in_lists) if as_json else _csv(rows), end="\n" if as_json else "")
        return
    for story in in_lists:
        print(printable(f"{story.url} in the list of {story.category}:"))
        for sentence in story.sentences:
            print(printable(f"- {sentence}"))


def _json(rows: "pd.DataFrame", in_lists: "Sequence[Story]" = ()) -> str:
    """Links as JSON, a row each; with their stories where there are some."""
    records = json.loads(rows.to_json(orient="records", date_format="iso"))
    for record, story in zip(records, in_lists, strict=bool(in_lists)):
        record |= {"story": story.sentences, "asked_next": story.asked_next}
    return json.dumps(records, indent=1)


def _csv(rows: "pd.DataFrame") -> str:
    """Links as CSV; text that a spreadsheet would take for a formula, or a terminal for a command, stays text."""
    from regraft.upkeep.decision_csv import safe_cell

    texts = rows.select_dtypes(["object", "str"]).columns
    cells = {name: rows[name].map(lambda text: printable(safe_cell(text)), na_action="ignore") for name in texts}
    return rows.assign(**cells).to_csv(index=False)
