"""A first config for somebody's lists, with comments: what `regraft init` writes."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from regraft.config import MAX_NAME_LENGTH, MENAGERIE, safe_name
from regraft.errors import ConfigError
from regraft.flows.cli.written_files import write_file

TEMPLATE = """# A job of Regraft. Run it with `regraft run {path}`.
# Every key that is left out has a default; docs/configuration.md describes them all.
name: '{name}'
store: artifacts/{name}            # a folder, or an fsspec URL such as s3://bucket/prefix
categories:                        # two or more
{categories}
# What people set most often, with the defaults:
# seed: 0                          # all randomness comes from it: labels, splits and training
# fetch:
#   proxy: http://127.0.0.1:3128   # none by default; HTTP_PROXY in the environment is ignored
#   per_host: 16                   # connections at a time to one host
#   pace_s: 0                      # seconds between two requests to one host
#   robots: false                  # obey robots.txt too; X-Robots-Tag is always obeyed
# backbone:
#   name: efficientnet-lite0       # or vgg16, or any name in keras.applications
#   weights: vgg16.npy             # a local weights file
# head:
#   target: length                 # or category: a classifier, which needs no `label`
# tune:
#   blocks: 0                      # 1 or more: fine-tune the backbone's last blocks as well
"""
CATEGORY_TEMPLATE = """  {name}:
    list: {source}
    # Lengths in cm, drawn for each image; not needed where the list has a column `label`.
    label: {{distribution: normal, mean: {mean}, std: {std}, min: {min}}}"""
EXAMPLE_LISTS = {"tiger": "tiger.txt", "cat": "cats.csv"}
EXAMPLE_LENGTHS_CM = ((100, 30, 20), (40, 8, 10))
"""Mean, standard deviation and minimum of the first category's lengths, and of the second's; then again."""


def write_config(path: Path, lists: Mapping[str, str]) -> None:
    """Write a commented config for these lists, by category; for example lists where there are none.

    Raises ConfigError where the file is there already, a category's name is not safe, or a path is not UTF-8.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already; it was left alone. Give another name.")
    categories = []
    for number, (name, source) in enumerate((lists or EXAMPLE_LISTS).items()):
        try:
            safe_name(name)
        except ValueError as error:
            raise ConfigError(f"--list {name}={source}: the name {error}.") from error
        mean, std, minimum = EXAMPLE_LENGTHS_CM[number % len(EXAMPLE_LENGTHS_CM)]
        quoted = _yaml_text(_beside(path, source) if lists else source)
        categories.append(CATEGORY_TEMPLATE.format(name=name, source=quoted, mean=mean, std=std, min=minimum))
    text = TEMPLATE.format(path=shlex.quote(str(path)), name=_job_name(path), categories="\n".join(categories))
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "A config is text in UTF-8 and holds its own name and those of its lists; one of these is no such text. "
            "Rename that file."
        ) from error
    write_file(path, data)


def _job_name(path: Path) -> str:
    """A job's name from its file's: safe in paths, URLs and keys."""
    letters = "".join(c if (c.isascii() and c.isalnum()) or c in "-_" else "-" for c in path.stem)
    return letters.strip("-_")[:MAX_NAME_LENGTH] or "job"


def _beside(path: Path, source: str) -> str:
    """A list's source as a config at a path names it: a path is relative to the config's folder."""
    if "://" in source or source.startswith(("~", MENAGERIE)) or os.path.isabs(source):
        return source
    return os.path.relpath(source, path.parent)


def _yaml_text(source: str) -> str:
    """A list's source as quoted YAML text."""
    return "'" + source.replace("'", "''") + "'"
