"""A job's config, read from a YAML file; what is wrong in it is refused with its line or its field."""

import difflib
import os
import re
import reprlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from regraft.config import MENAGERIE, Category, Config, contradictions, descriptions
from regraft.errors import ConfigError

MAX_BYTES = 1_000_000
"""A larger file is none that somebody wrote: a list, most likely."""
MAX_DEPTH = 50
"""Of lists and mappings within one another; a config has four. Each costs PyYAML the more, the more there are."""
MAX_KEYS = 100_000
"""Of one mapping, with those that it takes from others by `<<`, which take theirs from others, and so on."""
MAX_PROBLEMS = 20
"""Problems that are listed: nobody reads thousands."""
MAX_SHOWN_LENGTH = 80
"""Characters of a value that a message repeats; of one that holds others, some of those."""
TAG_PREFIX = "tag:yaml.org,2002:"
TEXT_TAG = f"{TAG_PREFIX}str"
MERGE_TAG = f"{TAG_PREFIX}merge"
"""YAML's names for kinds of values; https://yaml.org/type/."""
UNION_MEMBER = re.compile(r"\[key\]$|constrained-|literal\[")
"""What pydantic adds to a field's place, and nobody has written."""
_shown = reprlib.Repr()
_shown.maxlevel = 2
_shown.maxstring = _shown.maxother = MAX_SHOWN_LENGTH
REMOVED_SETTINGS = {"head.learning_rate": "training finds its step sizes itself"}
"""Settings of earlier Regrafts, and why they are gone."""


def load_config(path: str | Path, lists: Mapping[str, str] | None = None) -> Config:
    """Return the config in a YAML file; `lists` replaces the lists of the categories that it names.

    Paths of lists and weights in the file are relative to the file's folder, paths in `lists` to the current one.
    Raises ConfigError naming the file, the field, and what to write instead.
    """
    path = Path(path)
    settings = _read_yaml(path)
    _resolve_paths(settings, path.parent)
    for name, source in (lists or {}).items():
        _replace_list(settings, name, source, path)
    return parse_config(settings, source=str(path))


def parse_config(settings: Mapping[str, Any], source: str = "config") -> Config:
    """Return the config with these settings; `source` is what messages call them.

    Raises ConfigError with one line for each field that is wrong.
    """
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        problems = error.errors()
        raise _refusal(
            source, [_problem_line(problem) for problem in problems[:MAX_PROBLEMS]], len(problems)
        ) from error
    if sentences := [*contradictions(config)]:
        raise _refusal(source, sentences[:MAX_PROBLEMS], len(sentences))
    return config


def _refusal(source: str, lines: Sequence[str], count: int) -> ConfigError:
    """The error that lists what is wrong with settings; `count` is how many problems there are in all."""
    listed = [f"  {line}" for line in dict.fromkeys(lines)]
    if count > len(lines):
        listed.append(f"  ... and {count - len(lines):,} more.")
    return ConfigError("\n".join([f"{source} is refused; nothing was fetched.", *listed]))


def _read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError."""
    text = _read_text(path)
    try:
        settings = yaml.load(text, _ConfigLoader)  # noqa: S506 - it is a safe loader
    except yaml.reader.ReaderError as error:
        line_number = text.count("\n", 0, error.position) + 1
        problem = f"it holds the character U+{error.character:04X}, which no YAML file may"
        raise ConfigError(f"The config {path} is not YAML (line {line_number}): {problem}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"The config {path} is not YAML{line}: {problem}.") from error
    if settings is None:
        raise ConfigError(f"The config {path} is empty. Write one with `regraft init`.")
    if not isinstance(settings, dict):
        kind = "text" if isinstance(settings, str) else f"a {type(settings).__name__}"
        raise ConfigError(
            f"The config {path} must hold `key: value` lines; it holds {kind}. `regraft init` makes one for your lists."
        )
    return settings


def _read_text(path: Path) -> str:
    """The text of a config, as editors write it: UTF-8, or UTF-16 with a mark. Raises ConfigError."""
    data = _read_bytes(path)
    try:
        return data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"The config {path} is not YAML (line {line}): it is not text in UTF-8.") from error


def _read_bytes(path: Path) -> bytes:
    """The bytes of a config. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"There is no config {path}. Write one with `regraft init`.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero in its name
        raise ConfigError(f"The config {path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path} has more than {MAX_BYTES:,} bytes, and is no config. Make one for a list with `regraft init`."
        )
    return data


class _ConfigLoader(yaml.SafeLoader):
    """YAML whose keys are the text that is written, so that a category may be called `no` or `0`; each stands once."""

    depth = 0
    """How many lists and mappings the node that is read now lies in."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node. Raises ComposerError, with its line, where it lies in too many others."""
        if self.depth > MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} lists and mappings within one another"
            raise yaml.composer.ComposerError(problem=problem, problem_mark=self.get_mark())
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return a node's value. Raises ConstructorError, with its line, where it is a date or number that is none."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(problem=str(error), problem_mark=node.start_mark) from error
        except (AttributeError, LookupError, TypeError) as error:  # PyYAML takes each value for what its tag says
            problem = f"{_shown.repr(node.value)} is no {node.tag.removeprefix(TAG_PREFIX)}"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark) from error

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what a mapping takes from others into it. Raises ConstructorError where it grows beyond MAX_KEYS."""
        super().flatten_mapping(node)
        if len(node.value) > MAX_KEYS:
            problem = f"a mapping has more than {MAX_KEYS:,} keys"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping. Raises ConstructorError where a key is there twice."""
        texts = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # `!!map x` is none
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                if key.value in texts:
                    raise yaml.constructor.ConstructorError(
                        problem=f"the key `{key.value}` is there twice", problem_mark=key.start_mark
                    )
                texts.add(key.value)
                key.tag = TEXT_TAG
        return super().construct_mapping(node, deep)


def _resolve_paths(settings: dict[str, Any], folder: Path) -> None:
    """Make the paths of lists and weights, which are relative to `folder`, relative to the current folder."""
    categories = settings.get("categories")
    for category in categories.values() if isinstance(categories, dict) else ():
        if isinstance(category, dict) and isinstance(category.get("list"), str):
            category["list"] = _resolved(folder, category["list"])
    backbone = settings.get("backbone")
    weights = backbone.get("weights") if isinstance(backbone, dict) else None
    if isinstance(weights, str) and weights != "random":
        settings["backbone"]["weights"] = _resolved(folder, weights)


def _resolved(folder: Path, source: str) -> str:
    source = os.path.expanduser(source)
    if not source or "://" in source or source.startswith(MENAGERIE) or Path(source).is_absolute():
        return source
    return str(folder / source)


def _replace_list(settings: dict[str, Any], name: str, source: str, path: Path) -> None:
    """Give a category another list. Raises ConfigError where the config has no such category."""
    categories = settings.get("categories")
    if not isinstance(categories, dict) or not isinstance(categories.get(name), dict):
        known = ", ".join(map(str, categories)) if isinstance(categories, dict) else "none"
        raise ConfigError(f"--list {name}={source}: {path} has no category {name!r}; it has: {known}.")
    categories[name]["list"] = source


def _problem_line(problem: Any) -> str:
    """One of pydantic's problems as `field: what is wrong; what to write`."""
    location = [str(part) for part in problem["loc"] if not UNION_MEMBER.match(str(part))]
    field = ".".join(location)
    description = _description(location)
    match problem["type"]:
        case "extra_forbidden" if field in REMOVED_SETTINGS:
            return f"{field}: no setting any more, because {REMOVED_SETTINGS[field]}; take it out."
        case "extra_forbidden":
            return f"{field}: unknown key; {_hint(location)}"
        case "string_type" if isinstance(problem["input"], int | float | date):
            return f"{field}: should be text, in quotes (found {problem['input']}). {description}".rstrip()
        case "missing":
            return f"{field}: missing. {description or 'Write it.'}"
        case "model_type":
            keys = ", ".join(_keys_at(location))
            shown = _shown.repr(problem["input"])
            return f"{field}: should hold settings ({keys}); found {shown}. {description}".rstrip()
        case "too_short" if field == "categories":
            return "categories: at least two are needed, each with a `list` and a `label`."
        case _:
            value = problem.get("input")
            shown = "" if isinstance(value, dict | list) else f" (found {_shown.repr(value)})"
            message = re.sub(r"\b(Input|String) should", "should", problem["msg"].removeprefix("Value error, "))
            message = message.replace("valid tuple", "list").replace("valid dictionary", "mapping of names to settings")
            named = f"{field}: " if field else ""  # a rule between two settings names them itself
            return f"{named}{message}{shown}." + (f" {description}" if description else "")


def _hint(location: list[str]) -> str:
    """What may be meant by a key that is unknown where it stands: one like it, or one of another part."""
    *part, key = location
    known = _keys_at(part)
    if similar := difflib.get_close_matches(key.lower(), known, 1):
        return f"did you mean `{similar[0]}`?"
    parts = ["categories.NAME" if name == "categories" else name for name in Config.model_fields]
    elsewhere = [f"`{name}.{key}`" for name in parts if key in _keys_at(name.split("."))]
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"the keys here are: {', '.join(known)}."


def _description(location: list[str]) -> str:
    """What the setting at a location is for; "" where there is no such setting."""
    model = _model_at(location[:-1]) if location else None
    return " ".join(descriptions(model).get(location[-1], "").split()) if model else ""


def _keys_at(location: list[str]) -> list[str]:
    """The keys that may stand at a location."""
    model = _model_at(location)
    return list(model.model_fields) if model else []


def _model_at(location: list[str]) -> type[BaseModel] | None:
    """The part of the config whose settings stand at a location, such as ["categories", "cat", "label"]."""
    model: type[BaseModel] | None = Config
    if location[:1] == ["categories"]:
        model, location = (Category if len(location) > 1 else None), location[2:]  # without the category's name
    for key in location:
        field = model.model_fields.get(key) if model else None
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()  # what may be missing is a union
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model
