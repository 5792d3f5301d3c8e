"""A wrong config is refused before anything is fetched, with the field named."""

from pathlib import Path

import pytest

from regraft.config_file import load_config, parse_config
from regraft.errors import ConfigError
from regraft.menagerie import CONFIG

GOOD = """
name: job
categories:
  tiger: {list: tiger.txt, label: {mean: 100, std: 30, min: 20}}
  cat: {list: cat.txt, label: {mean: 40, std: 8, min: 10}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(text)
    return path


def test_lists_and_weights_are_beside_the_config_unless_other_lists_are_given(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD + "backbone: {weights: vgg16.npy}"), {"cat": "elsewhere.txt"})
    assert config.categories["tiger"].list == str(tmp_path / "tiger.txt")
    assert config.categories["cat"].list == "elsewhere.txt"
    assert config.backbone.weights == str(tmp_path / "vgg16.npy")
    scratch = load_config(written(tmp_path, GOOD + "backbone: {weights: random}\ntune: {blocks: all}"))
    assert scratch.backbone.weights == "random"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: job", "name: job\nstroe: x", "stroe: unknown key; did you mean `store`?"),
        ("name: job", "name: job\nhead: {learning_rate: 0.1}", "head.learning_rate: no setting any more"),
        ("std: 30", "std: -30", "categories.tiger.label.std"),
        ("list: tiger.txt, ", "", "categories.tiger.list: missing"),
        ("tiger:", "../tiger:", "no safe name"),
        ("min: 20", "min: 20, max: 10", "must be below max"),
        ("name: job", "name: job\nfetch: {proxy: ftp://x}", "http://HOST:PORT"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError, match="nothing was fetched") as refused:
        load_config(written(tmp_path, GOOD.replace(old, new, 1)))
    assert expected in str(refused.value)


def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not YAML \(line 2\)"):
        load_config(written(tmp_path, "a: b\n: [: ]{"))


def test_the_tutorials_config_names_its_lists() -> None:
    config = load_config(Path(__file__).parent.parent / "examples" / "felidae.yaml")
    assert config.categories["tiger"].list.startswith("https://")
    assert parse_config(config.model_dump()) == config


def test_random_weights_that_would_never_learn_are_refused() -> None:
    with pytest.raises(ConfigError, match="blocks: all"):
        parse_config(CONFIG.model_dump() | {"backbone": {"name": "vgg16", "weights": "random"}})


@pytest.mark.parametrize("engine", [{"kind": "dask"}, {"address": "tcp://127.0.0.1:8786"}])
def test_an_engine_and_its_address_go_together(engine: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="kind: dask and an address go together"):
        parse_config(CONFIG.model_dump() | {"engine": engine})
