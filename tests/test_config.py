"""Configs as people write them: what a key, a path or a number may be, and what is refused with its field."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from regraft.config import Config
from regraft.config_file import load_config, parse_config
from regraft.errors import ConfigError
from regraft.menagerie import CONFIG
from regraft.store.store import Store
from tests.docs_commands import ROOT

LABEL = "label: {mean: 100, std: 30, min: 20}"
JOB = f"name: job\ncategories:\n  a: {{list: a.txt, {LABEL}}}\n  b: {{list: b.txt, {LABEL}}}\n"
"""A config that is good."""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "job.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as refused:
        load_config(written(folder, text))
    return str(refused.value)


def with_settings(**settings: Any) -> Config:
    return parse_config(CONFIG.model_dump() | settings)


MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)
)
"""Mappings that take their keys from one another, nine times each: 9^11 in all."""


NAMES = ["yes", "no", "on", "off", "true", "False", "null", "0", "010", "1e3", "1_000", "0x1F", "2026-11-25", "12"]


@pytest.mark.parametrize("name", NAMES)
def test_a_category_may_have_any_safe_name(tmp_path: Path, name: str) -> None:
    text = f"name: job\ncategories:\n  {name}: {{list: a.txt, {LABEL}}}\n  'x': {{list: b.txt, {LABEL}}}\n"
    config = load_config(written(tmp_path, text), {name: "c.txt"})
    assert [*config.categories] == [name, "x"]
    assert config.categories[name].list == "c.txt"


def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = f"name: job\ncategories:\n  cat: {{list: a.txt, {LABEL}}}\n  cat: {{list: b.txt, {LABEL}}}\n"
    assert "(line 4): the key `cat` is there twice" in refusal(tmp_path, text)
    assert "(line 2): the key `name` is there twice" in refusal(tmp_path, "name: job\nname: job\n")


def test_anchors_and_merges_still_work(tmp_path: Path) -> None:
    text = f"name: job\ncategories:\n  a: &a {{list: a.txt, {LABEL}}}\n  b:\n    <<: *a\n    list: b.txt\n"
    assert load_config(written(tmp_path, text)).categories["b"].label is not None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_config_of_another_editor_is_read(tmp_path: Path, encoding: str) -> None:
    text = f"name: job\r\ncategories:\r\n  a: {{list: ä.txt, {LABEL}}}\r\n  b: {{list: b.txt, {LABEL}}}\r\n"
    assert load_config(written(tmp_path, text.encode(encoding))).categories["a"].list == str(tmp_path / "ä.txt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        (b"name: job\nstore: caf\xe9\n", "(line 2): it is not text in UTF-8"),
        (b"name: job\n\0", "(line 2): it holds the character U+0000, which no YAML file may"),
        ("# äöüäöüäöü\nname: job\nstore: a\ab\n", "(line 3): it holds the character U+0007"),
        ("name: job\nstore: a\ab\n".encode("utf-16"), "(line 2): it holds the character U+0007"),
        ("name: job\nseed: 2026-99-99", "not YAML (line 2): month must be"),
        ("http://example.org/a.jpg\n" * 50_000, "has more than 1,000,000 bytes, and is no config"),
        (f"seed: {'9' * 5000}", "not YAML"),
        ("[" * 5000, "not YAML (line 1): more than 50 lists and mappings within one another"),
        ("name: " + "{a: " * 5000, "not YAML (line 1): more than 50"),
        ("- " * 5000, "not YAML (line 1): more than 50"),
        ("\n".join(f"k{number}: 1" for number in range(3000)), "... and 2,982 more."),
        ("a: 1\n---\nb: 2\n", "not YAML (line 2)"),
        ("a: b\n: [: ]{", "not YAML (line 2)"),
        ("a: !!python/name:os.system ''", "not YAML (line 1)"),
        ("name: job\nseed: !!timestamp x", "not YAML (line 2): 'x' is no timestamp."),
        ("name: job\nseed: !!bool x", "not YAML (line 2): 'x' is no bool."),
        ("name: job\nseed: !!int ''", "not YAML (line 2): '' is no int."),
        ("name: job\nseed: !!map x", "not YAML (line 2): expected a mapping node"),
        ("name: job\nseed: !!timestamp {=: x}", "is no timestamp."),
        (MERGE_BOMB, "a mapping has more than 100,000 keys"),
        (f"name: job\nfetch: &a [{'x' * 99}]\n", "found ['x"),
        ("- a\n- b\n", "it holds a list"),
        ("just words", "it holds text. `regraft init` makes one for your lists"),
    ],
)
def test_what_is_no_config_is_refused_with_its_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in refusal(tmp_path, text)


def test_a_message_repeats_no_value_that_is_large(tmp_path: Path) -> None:
    doubled = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]\n" for i in range(10))
    for line in (f"{doubled}fetch: *a9", f"seed: {'x' * 50_000}", f"fetch: {'x' * 50_000}"):
        lines = refusal(tmp_path, f"name: job\n{line}\n").splitlines()
        assert max(map(len, lines)) < 1000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("seed: yes", "seed: is yes or no, where another value is expected"),
        ("tune: {blocks: true}", "tune.blocks: is yes or no"),
        ("tune: {blocks: most}", "tune.blocks: should be 'all'"),
        ("SEED: 5", "did you mean `seed`?"),
        ("backbone: {weights: ''}", "backbone.weights: should have at least 1 character"),
        ("fetch: {archive: 5}", "fetch.archive: should hold settings (timegate, near, "),
        ("fetch: {archive: {timgate: x}}", "fetch.archive.timgate: unknown key; did you mean `timegate`?"),
        ("fetch: {allow: '127.0.0.1:80'}", "fetch.allow: should be a list"),
        ("fetch: {allow: ['127.0.0.1:99999']}", "is no exemption"),
        ("fetch: {allow: ['999.0.0.1:80']}", "is no exemption"),
        ("fetch: {proxy: 'http://proxy:99999'}", "is no proxy address"),
        ("fetch: {archive: {timegate: 'xhttp://a.example/'}}", "fetch.archive.timegate: should match pattern"),
        ("engine: {kind: dask, address: 'http://x?tcp://a:1'}", "engine.address: is no address of a scheduler"),
        ("reports_url: 'javascript:alert(1)//http://a'", "reports_url: should match pattern"),
        ('store: "a\\0b"', "store: is no place: it holds a zero"),
        ('backbone: {weights: "a\\0b"}', "backbone.weights: is no place"),
        ('fetch: {user_agent: "a\\r\\nCookie: b"}', "is no User-Agent"),
        ("fetch: {user_agent: katzenprüfer}", "is no User-Agent"),
        *(
            (f"fetch: {{archive: {{timegate: 'http://a/', near: {day}}}}}", "is no day: write one such as 2010-01-31")
            for day in ("2010", "20100131", "0.5", "'1262304000'", "'2010-1-1'", "[]")
        ),
        *(
            (f"engine: {{kind: dask, address: '{address}'}}", "is no address of a scheduler: write tcp://HOST:PORT")
            for address in ("a:8786", "tcp://a", "tcp://a:x", "tcp://a:99999", "tcp://:1", "tcp://a:1/x", "http://a:1")
        ),
        *((f"store: {value}", "store: should be text, in quotes") for value in ("2024", "1.5", "2024-01-31", "0x10")),
        ("gpu: 1", "gpu: unknown key; the keys here are: name, store"),
        ("epochs: 5", "epochs: unknown key; did you mean `head.epochs` or `tune.epochs`?"),
        ("fetch: {misfiled: no}", "fetch.misfiled: unknown key; did you mean `screen.misfiled`?"),
        ("label: {mean: 1}", "label: unknown key; did you mean `categories.NAME.label`?"),
    ],
)
def test_a_value_that_would_mean_something_else_or_fail_later_is_refused(
    tmp_path: Path, line: str, expected: str
) -> None:
    assert expected in refusal(tmp_path, f"{JOB}{line}\n")


def test_a_category_that_is_called_as_a_setting_is_not_taken_for_it(tmp_path: Path) -> None:
    expected = "categories.list: should hold settings (list, url_column, label_column, label); found 'x'."
    assert refusal(tmp_path, "name: job\ncategories: {list: x, b: {list: b.txt}}\n").endswith(expected)


CATEGORIES = {"a": "{list: a.txt, label: {mean: 100, std: 30}}", "b": "{list: b.txt, label: {mean: 40, std: 8}}"}


@pytest.mark.parametrize(
    ("line", "categories", "expected"),
    [
        ("screen: {min_side: 8000}", {}, "screen.min_side: a picture with such sides has more pixels"),
        ("screen: {max_pixels: 1000}", {}, "screen.min_side: a picture with such sides has more pixels"),
        ("seed: 0", {"A": CATEGORIES["b"]}, "categories.A: differs from `a` in capitals only"),
        ("seed: 0", {"b": CATEGORIES["a"]}, "categories.b.list: is the list of `a` too"),
        ("seed: 0", {"b": CATEGORIES["a"].replace("a.txt", "./a.txt")}, "categories.b.list: is the list of `a` too"),
        ("seed: 0", {"a": "{list: a.csv, url_column: x, label_column: x}"}, "label_column: is `url_column` too"),
        ("seed: 0", {"a": "{list: a.txt, label: {mean: 100, std: 5, min: 300}}"}, "categories.a.label: nearly all"),
        ("seed: 0", {"a": "{list: a.txt, label: {mean: 100, std: 5, max: 20}}"}, "categories.a.label: nearly all"),
    ],
)
def test_settings_that_make_another_pointless_are_refused(
    tmp_path: Path, line: str, categories: dict[str, str], expected: str
) -> None:
    lines = "".join(f"  {name}: {settings}\n" for name, settings in (CATEGORIES | categories).items())
    assert expected in refusal(tmp_path, f"name: job\n{line}\ncategories:\n{lines}")
    Config.model_validate(yaml.safe_load(f"name: job\n{line}\ncategories:\n{lines}"))  # as in versions of before


def test_two_categories_may_be_two_columns_of_one_list(tmp_path: Path) -> None:
    lines = "".join(f"  {name}: {{list: a.csv, url_column: {name}, {LABEL}}}\n" for name in ("tiger", "cat"))
    assert len(load_config(written(tmp_path, f"name: job\ncategories:\n{lines}")).categories) == 2


def test_a_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    text = (
        f"name: job\nstore: ~/store\nbackbone: {{name: vgg16, weights: ~/vgg16.npy}}\n"
        f"categories:\n  a: {{list: ~/a.txt, {LABEL}}}\n  b: {{list: b.txt, {LABEL}}}\n"
    )
    config = load_config(written(folder, text), {"b": "~/b.txt"})
    assert config.store == str(tmp_path / "home/store")
    assert config.backbone.weights == str(tmp_path / "home/vgg16.npy")
    assert [category.list for category in config.categories.values()] == [
        str(tmp_path / "home/a.txt"),
        str(tmp_path / "home/b.txt"),
    ]
    assert with_settings(store="~/store").store == config.store
    assert Store("~/store").address == Store("file://~/store").address == config.store


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e200", "-1e200", "1e999"])
@pytest.mark.parametrize("key", ["mean", "std", "min", "max"])
def test_lengths_are_numbers_that_a_network_can_learn(tmp_path: Path, key: str, number: str) -> None:
    label = {"mean": "100", "std": "30"} | {key: number}
    shown = ", ".join(f"{k}: {v}" for k, v in label.items())
    text = f"name: job\ncategories:\n  a: {{list: a.txt, label: {{{shown}}}}}\n  b: {{list: b.txt, {LABEL}}}\n"
    assert f"categories.a.label.{key}: should be" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "settings",
    [
        {"fetch": {"deadline_s": 1e12}},
        {"fetch": {"connect_s": float("inf")}},
        {"fetch": {"pace_s": float("nan")}},
        {"fetch": {"budget_s": 1e300}},
        {"screen": {"accept_replaced_days": 1e9}},
        {"gate": {"samples": 10**12}},
        {"seed": -1},
        {"seed": 2**32},
    ],
)
def test_a_number_that_no_clock_or_generator_takes_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="should be"):
        with_settings(**settings)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: job", "name: job\nstroe: x", "stroe: unknown key; did you mean `store`?"),
        ("name: job", "name: job\nhead: {learning_rate: 0.1}", "head.learning_rate: no setting any more"),
        ("std: 30", "std: -30", "categories.a.label.std"),
        ("list: a.txt, ", "", "categories.a.list: missing"),
        ("  a:", "  ../a:", "no safe name"),
        ("min: 20", "min: 20, max: 10", "must be below max"),
        ("name: job", "name: job\nfetch: {proxy: ftp://x}", "http://HOST:PORT"),
        (LABEL, "label: lion", "categories.a.label: should hold settings (distribution, mean, std, min, max)"),
        ("{list: a.txt, " + LABEL + "}", "a.txt", "categories.a: should hold settings (list, "),
        ("name: job", "name: job\nfetch: fast", "fetch: should hold settings (proxy, "),
        ("name: job", "name: job\nhead: {target: category}\nsplit: 0.2", "split: should hold settings (validation, "),
    ],
)
def test_a_wrong_field_is_named_and_nothing_was_fetched(tmp_path: Path, old: str, new: str, expected: str) -> None:
    message = refusal(tmp_path, JOB.replace(old, new, 1))
    assert expected in message
    assert "nothing was fetched" in message


def test_lists_and_weights_are_beside_the_config_unless_other_lists_are_given(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, JOB + "backbone: {weights: vgg16.npy}"), {"b": "elsewhere.txt"})
    assert config.categories["a"].list == str(tmp_path / "a.txt")
    assert config.categories["b"].list == "elsewhere.txt"
    assert config.backbone.weights == str(tmp_path / "vgg16.npy")
    scratch = load_config(written(tmp_path, JOB + "backbone: {weights: random}\ntune: {blocks: all}"))
    assert scratch.backbone.weights == "random"


def test_the_tutorials_config_names_its_lists() -> None:
    config = load_config(ROOT / "examples" / "felidae.yaml")
    assert config.categories["tiger"].list.startswith("https://")
    assert parse_config(config.model_dump()) == config


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"backbone": {"name": "vgg16", "weights": "random"}}, "blocks: all"),
        ({"engine": {"kind": "dask"}}, "kind: dask and an address go together"),
        ({"engine": {"address": "tcp://127.0.0.1:8786"}}, "kind: dask and an address go together"),
    ],
)
def test_settings_that_want_another_are_refused_without_it(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        with_settings(**settings)


def test_a_refusal_says_what_the_setting_is_for(tmp_path: Path) -> None:
    text = refusal(tmp_path, JOB + "seed: many\nfetch: {spread: 1}\n")
    assert "(found 'many'). The number that all randomness comes from: labels, splits and training. The same" in text
    assert "such as your own bucket. Every other host is asked by one machine at a time." in text
