"""A job read from a YAML file, refused with the line or the field that is wrong."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from regraft.config import MENAGERIE, Category, Config, Normal
from regraft.errors import ConfigError


def load_config(path: str | Path, lists: Mapping[str, str] | None = None) -> Config:
    """Return the config in a YAML file, with `lists` in place of its categories' lists.

    Paths of lists and weights in the file are relative to the file's folder, paths in `lists` to the current one.
    Raises ConfigError naming the file, the field, and what to write instead.
    """
    path = Path(path)
    told = _yaml_mapping(path)
    categories = told.get("categories")
    if isinstance(categories, dict):
        for category in categories.values():
            if isinstance(category, dict) and isinstance(category.get("list"), str):
                category["list"] = _beside(path.parent, category["list"])
    backbone = told.get("backbone")
    if isinstance(backbone, dict) and isinstance(weights := backbone.get("weights"), str) and weights != "random":
        backbone["weights"] = _beside(path.parent, weights)
    for name, source in (lists or {}).items():
        if not isinstance(categories, dict) or not isinstance(categories.get(name), dict):
            known = ", ".join(map(str, categories)) if isinstance(categories, dict) else "none"
            raise ConfigError(f"--list {name}={source}: {path} has no category {name!r}; it has: {known}.")
        categories[name]["list"] = source
    return parse_config(told, where=str(path))


def parse_config(told: Mapping[str, Any], where: str = "config") -> Config:
    """Return the config told by a mapping. Raises ConfigError with one line for each field that is wrong."""
    try:
        return Config.model_validate(told)
    except ValidationError as error:
        lines = [_one_line(problem) for problem in error.errors()]
        raise ConfigError(f"{where} is refused; nothing was fetched.\n" + "\n".join(lines)) from error


def _yaml_mapping(path: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no config {path}. Write one with `regraft init`.") from None
    except OSError as error:
        raise ConfigError(f"The config {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        reason = getattr(error, "problem", None) or "not text"
        raise ConfigError(f"The config {path} is not YAML{line}: {reason}.") from error
    if not isinstance(told, dict):
        raise ConfigError(f"The config {path} must hold `key: value` lines; found {type(told).__name__}.")
    return told


def _beside(folder: Path, source: str) -> str:
    if "://" in source or source.startswith(MENAGERIE) or Path(source).is_absolute():
        return source
    return str(folder / source)


def _one_line(problem: Any) -> str:
    """One validation problem as `field: what is wrong; what to write`."""
    where = [str(part) for part in problem["loc"] if part != "[key]"]
    field = ".".join(where)
    match problem["type"]:
        case "extra_forbidden":
            known = _keys_at(where[:-1])
            near = difflib.get_close_matches(where[-1], known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}."
            return f"  {field}: unknown key; {hint}"
        case "missing":
            return f"  {field}: missing; {_description(where) or 'write it'}"
        case "too_short" if field == "categories":
            return "  categories: at least two are needed, each with a `list` and a `label`."
        case _:
            found = problem.get("input")
            shown = "" if isinstance(found, dict | list) else f" (found {found!r})"
            said = problem["msg"].removeprefix("Value error, ")
            said = said.replace("Input should", "should")
            description = _description(where)
            return f"  {field}: {said}{shown}" + (f"; it is: {description}" if description else "")


def _model_at(where: list[str]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Config
    i = 0
    while i < len(where) and model is not None:
        if model is Config and where[i] == "categories":
            model, i = Category, i + 2
        elif model is Category and where[i] == "label":
            model, i = Normal, i + 1
        else:
            field = model.model_fields.get(where[i])
            kind = field.annotation if field else None
            model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
            i += 1
    return model


def _keys_at(where: list[str]) -> list[str]:
    model = _model_at(where)
    return list(model.model_fields) if model else []


def _description(where: list[str]) -> str:
    if not where:
        return ""
    model = _model_at(where[:-1])
    field = model.model_fields.get(where[-1]) if model else None
    return (field.description or "") if field else ""
