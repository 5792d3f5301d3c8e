"""The tables of settings in docs/configuration.md, made from the config's own descriptions and limits."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.programs.markdown import table_of, table_text
from regraft.config import Config

PLACES = {"Category": "categories.NAME", "Normal": "categories.NAME.label", "ArchiveSettings": "fetch.archive"}
"""Where the parts of the config stand that are not named after a key of the config itself."""


def settings_tables() -> str:
    """Return a heading and a table for each part of the config, the config itself first."""
    schema = Config.model_json_schema()
    parts = schema["$defs"]
    places = PLACES | {_part_of(entry): key for key, entry in schema["properties"].items() if _part_of(entry)}
    abouts = {part: parts[part]["description"] for part in parts}
    order = [*PLACES, *(part for part in places if part not in PLACES)]
    sections = [f"## At the top\n\n{_table(schema, places, abouts)}"]
    sections += [f"## `{places[part]}`\n\n{abouts[part]}\n\n{_table(parts[part], places, abouts)}" for part in order]
    return "\n\n".join(sections)


def _table(part: Mapping[str, Any], places: Mapping[str, str], abouts: Mapping[str, str]) -> str:
    required = set(part.get("required", ()))
    rows = [["key", "what it is", "values", "default"], ["---"] * 4]
    for key, entry in part["properties"].items():
        about = entry.get("description") or abouts.get(_part_of(entry), "")
        rows.append([f"`{key}`", table_text(about), _values(entry, places), _default(key, entry, required)])
    return table_of(rows)


def _default(key: str, entry: Mapping[str, Any], required: set[str]) -> str:
    if key in required:
        return "must be given"
    match entry.get("default"):
        case None | []:
            return "none"
        case {}:
            return ""
        case bool() as switch:
            return f"`{str(switch).lower()}`"
        case int() as number if number >= 10_000:
            return f"`{number:_}`"
        case float() as number:
            return f"`{number:.10f}`".replace("0`", "`") if number < 0.001 else f"`{number:g}`"
        case value:
            return f"`{value}`" if not isinstance(value, Mapping) else ""


def _values(entry: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """Return what a setting may be, in words."""
    kinds = [kind for kind in entry.get("anyOf", [entry]) if kind.get("type") != "null"]
    return " or ".join(text for kind in kinds if (text := " or ".join(_kind(kind, places))))


def _kind(kind: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    if part := _part_of(kind):
        yield f"see [`{places[part]}`](#{_anchor(places[part])})"
    elif "const" in kind:
        yield f"`{kind['const']}`"
    elif "enum" in kind:
        yield ", ".join(f"`{value}`" for value in kind["enum"])
    elif kind.get("type") in ("integer", "number"):
        yield _number(kind)
    elif kind.get("type") == "array":
        yield "a list"
    elif kind.get("type") == "object":
        yield f"a mapping, see [`{PLACES['Category']}`](#{_anchor(PLACES['Category'])})"
    elif kind.get("type") == "boolean":
        yield "`true`, `false`"
    else:
        yield "text"


def _number(kind: Mapping[str, Any]) -> str:
    name = "a whole number" if kind["type"] == "integer" else "a number"
    low, high = kind.get("minimum"), kind.get("maximum")
    above, below = kind.get("exclusiveMinimum"), kind.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{name}, {low:g} to {high:g}"
    limits = [
        f"{words} {limit:g}"
        for words, limit in (("above", above), ("at least", low), ("below", below), ("at most", high))
        if limit is not None
    ]
    return ", ".join([name, *limits])


def _part_of(entry: Mapping[str, Any]) -> str:
    """Return the name of the part that an entry refers to; empty where it is a plain value."""
    references = [entry.get("$ref", ""), *(option.get("$ref", "") for option in entry.get("allOf", []))]
    return next((reference.rpartition("/")[2] for reference in references if reference), "")


def _anchor(place: str) -> str:
    """Return the link to a heading, as GitHub and mkdocs make it."""
    return place.lower().replace(".", "")
