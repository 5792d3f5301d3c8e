"""What became of one link, in sentences for people. Plain text, in which words from the web stand as they are."""

from datetime import datetime
from typing import Any

import pandas as pd

from regraft.dataset.decision import DecisionKind
from regraft.identity import DIGEST, short_digest
from regraft.verdicts import Reason, Verdict

MAX_OTHERS = 5
"""Other links that a sentence names at most."""
REASON_WORDS = {
    Reason.GONE: "the server says that there is no such page",
    Reason.FORBIDDEN: "the server refuses",
    Reason.SERVER_ERROR: "the server fails",
    Reason.RATE_LIMITED: "the server asks for fewer requests",
    Reason.UNREACHABLE: "there is no answer",
    Reason.TLS: "the server's certificate or encryption is not acceptable",
    Reason.TIMEOUT: "the answer takes longer than the deadline",
    Reason.TOO_MANY_REDIRECTS: "its redirects do not end",
    Reason.BLOCKED: "its address must not be asked",
    Reason.BAD_URL: "its text is no http(s) URL",
    Reason.TOO_LARGE: "the body is too large",
    Reason.NOT_AN_IMAGE: "the bytes are no picture",
    Reason.TRUNCATED: "the picture ends early or does not decode",
    Reason.TOO_MANY_PIXELS: "the picture has too many pixels",
    Reason.TOO_SMALL: "the picture is too small",
    Reason.ANIMATED: "the file holds more than one frame",
    Reason.OPTED_OUT: "its owner does not want it to be learnt from",
    Reason.REMOVED: "it shows a picture that somebody had removed",
    Reason.PLACEHOLDER: "it shows what its host shows in place of photos that are gone",
    Reason.DUPLICATE: "another link shows the same bytes",
    Reason.NEAR_DUPLICATE: "a picture in another split looks the same",
    Reason.REJECTED: "a person rejected it",
    Reason.MISFILED: "its picture looks like another category's",
}
"""Why a link is dead or junk, in words that follow a colon."""
OTHERS = {
    Reason.PLACEHOLDER: "Others that show the same",
    Reason.DUPLICATE: "Others that show the same",
    Reason.NEAR_DUPLICATE: "The picture that looks the same is shown by",
    Reason.MISFILED: "Its nearest neighbours are shown by",
}
"""What other links have to do with a link that has such a reason, in words before a colon."""
EXPLAINED = (Reason.DUPLICATE, Reason.NEAR_DUPLICATE, Reason.REJECTED)
"""Reasons whose detail says all that their words say."""
HTTP_WORDS = {0: "no HTTP answer", 304: "HTTP 304, not modified"}
"""What an answer's status means, where a number says too little."""
EVIDENCE = ("verdict", "http_status", "digest", "detail", "refers_to", "distance")
"""The columns that `evidence` looks at."""
Row = dict[str, Any]
"""One link in one version: a row of links.parquet, by column of memory.PUBLISHED."""


def verdict_sentence(row: Row, before: Row | None, at: str) -> str:
    """Return what became of a link, and since when; `before` is the row of the version before."""
    reason, detail = row["reason"], text_of(row["detail"])
    if reason == Reason.ALIVE and text_of(row["memento"]):
        return _of_archived(row, before, at)
    if reason == Reason.ALIVE:
        return _of_alive(row, before, at)
    if reason == Reason.REPLACED:
        words = "Replaced again" if before is not None and before["reason"] == Reason.REPLACED else "Replaced"
        return f"{words} on {at} by another picture{_distance(row)}; not learnt from until accepted."
    if reason == Reason.NOT_REQUESTED:
        return f"Not asked on {at}" + (f": {detail}." if detail else ".")
    words = "" if reason in EXPLAINED and detail else _reason_words(row)
    facts = evidence(row)
    why = f"{words} ({facts})" if words and facts else words or facts
    return f"{str(row['verdict']).capitalize()} since {at}, {str(reason).replace('_', ' ')}: {why}."


def evidence(row: Row) -> str:
    """Return what a verdict rests on, in a few words: what went wrong, and the picture that it refers to."""
    detail = text_of(row["detail"])
    if not detail and row["verdict"] == Verdict.DEAD and row["http_status"]:
        detail = f"HTTP {row['http_status']}"  # the version of an earlier Regraft
    return "; ".join(part for part in (detail, _reference(row)) if part)


def last_exchange(row: Row) -> str:
    """Return what the last request for a link came to, and where a web archive has what it once showed."""
    if not row["attempts"]:
        return "No request was ever sent for it." if not row["http_status"] else ""
    at, led_to, memento = moment_text(row["checked_at"]), text_of(row["final_url"]), text_of(row["memento"])
    is_elsewhere = bool(led_to) and led_to not in (row["url"], memento)
    tries = "1 attempt" if row["attempts"] == 1 else f"{row['attempts']} attempts"
    end = f"{tries}, {row['elapsed_s']:.1f} s."
    if row["reason"] == Reason.BLOCKED:
        return f"Last asked on {at}: it leads to {led_to}, which was not asked, {end}" if is_elsewhere else ""
    exchange = f"Last asked on {at}: {_status(row)}{f' from {led_to}' if is_elsewhere else ''}, {end}"
    return exchange + (f" The archive has its picture at {memento}." if memento else "")


def others_sentence(reason: Reason, urls: list[str]) -> str:
    """Return which other links a verdict of that reason refers to; nothing where it refers to none."""
    if not urls:
        return ""
    more = f" and {len(urls) - MAX_OTHERS:,} more" if len(urls) > MAX_OTHERS else ""
    return f"{OTHERS[reason]}: {', '.join(urls[:MAX_OTHERS])}{more}."


def decision_sentence(decision: Row) -> str:
    """Return what a person decided, a row of `decisions.known_decisions`."""
    what = str(DecisionKind(decision["kind"])).replace("_", " ")
    to = f" to {decision['to_category']}" if decision["to_category"] else ""
    why = f": {decision['why']}" if decision["why"] else ""
    undone = " (taken back)" if decision["undone"] else ""
    who = decision["decided_by"] or "somebody"
    return f"Decided on {moment_text(decision['decided_at'])} by {who}: {what}{to}{undone}{why}."


def text_of(value: Any) -> str:
    """Return a text of a table; empty where there is none, or where an earlier Regraft wrote no such column."""
    return value if isinstance(value, str) else ""


def time_of(moment: Any) -> datetime:
    """Return a table's moment as Python's."""
    return pd.Timestamp(moment).to_pydatetime()


def moment_text(moment: Any) -> str:
    """Return a moment for people, to the minute."""
    return f"{pd.Timestamp(moment):%Y-%m-%d %H:%M} UTC"


def _of_archived(row: Row, before: Row | None, at: str) -> str:
    """Of a link that is dead, and learnt from as a web archive has kept it."""
    kept = f"as a web archive kept it on {pd.Timestamp(row['memento_at']):%Y-%m-%d}: {_picture(row)}."
    if before is not None and before["verdict"] == Verdict.DEAD:
        return f"Learnt from since {at} {kept}"
    return f"Dead since {at} ({_status(row)}); learnt from {kept}"


def _of_alive(row: Row, before: Row | None, at: str) -> str:
    if before is None or before["reason"] == Reason.NOT_REQUESTED:
        return f"Alive since {at}: {_picture(row)}."
    if before["reason"] == Reason.ALIVE and not text_of(before["memento"]):
        return f"Shows the same picture in other bytes since {at}: {_short(row['digest'])}."
    if before["reason"] == Reason.REPLACED and before["digest"] == row["digest"]:
        return f"Learnt from again since {at}: the other picture was accepted."
    if before["reason"] == Reason.REPLACED:
        return f"Alive again since {at}: it shows the picture that it is known for."
    return f"Alive again since {at}: {_picture(row)}."


def _picture(row: Row) -> str:
    return f"picture {_short(row['digest'])}, {row['width']} x {row['height']} pixels"


def _status(row: Row) -> str:
    return HTTP_WORDS.get(row["http_status"], f"HTTP {row['http_status']}")


def _reason_words(row: Row) -> str:
    if row["reason"] == Reason.UNREACHABLE and row["http_status"]:
        return "a gateway cannot reach the server"
    return REASON_WORDS.get(row["reason"], "")


def _reference(row: Row) -> str:
    """What a verdict refers to, and how near that is."""
    refers_to = text_of(row["refers_to"])
    if not refers_to or refers_to == row["digest"]:
        return ""
    name = " ".join(_short(word) for word in refers_to.split(" "))
    return f"see {name}{_distance(row)}"


def _distance(row: Row) -> str:
    return "" if pd.isna(row["distance"]) else f" (distance {int(row['distance'])})"


def _short(word: str) -> str:
    """A word, cut where it is a digest."""
    return short_digest(word) if DIGEST.fullmatch(word) else word
