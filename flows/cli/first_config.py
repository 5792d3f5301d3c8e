"""A first config for somebody's lists, with comments: what `regraft init` writes."""

from collections.abc import Mapping
from pathlib import Path

from regraft.config import safe_name
from regraft.errors import ConfigError

COMMENTED = """# A job of Regraft. Run it with `regraft run {path}`.
# Every key that is left out has a default; `regraft run --help` and the README tell of them.
name: {name}
store: artifacts/{name}            # a folder, or an fsspec URL such as s3://bucket/prefix
categories:                        # two or more
{categories}
# What people set most often, with the defaults:
# seed: 0                          # labels, splits and training are drawn from it
# fetch:
#   proxy: http://127.0.0.1:3128   # none by default; HTTP_PROXY in the environment is ignored
#   per_host: 16                   # connections at a time to one host
#   pace_s: 0                      # seconds at least between two requests to one host
#   robots: false                  # obey robots.txt too; X-Robots-Tag is always obeyed
# backbone:
#   name: efficientnet-lite0       # or vgg16, or any name in keras.applications
#   weights: vgg16.npy             # a local weights file
# head:
#   target: length                 # or category: a classifier, which needs no `label`
# tune:
#   blocks: 0                      # 1 or more: fine-tune the backbone's last blocks as well
"""
CATEGORY = """  {name}:
    list: {source}
    # Lengths in cm, drawn for each image; not needed where the list has a column `label`.
    label: {{distribution: normal, mean: {mean}, std: {std}, min: {min}}}"""
LENGTHS = ((100, 30, 20), (40, 8, 10))


def write_config(path: Path, lists: Mapping[str, str]) -> None:
    """Write a commented config for some lists. Raises ConfigError where it is there already or a name is not safe."""
    if path.exists():
        raise ConfigError(f"{path} is there already; it was left alone. Give another name.")
    lists = lists or {"tiger": "tiger.txt", "cat": "cats.csv"}
    parts = []
    for number, (name, source) in enumerate(lists.items()):
        try:
            safe_name(name)
        except ValueError as error:
            raise ConfigError(f"--list {name}={source}: the name {error}.") from error
        mean, std, low = LENGTHS[number % len(LENGTHS)]
        parts.append(CATEGORY.format(name=name, source=_quoted(source), mean=mean, std=std, min=low))
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem).strip("-_") or "job"
    path.write_text(COMMENTED.format(path=path, name=name, categories="\n".join(parts)), encoding="utf-8")


def _quoted(source: str) -> str:
    """A source as YAML text."""
    return "'" + source.replace("'", "''") + "'"
