"""What a run starts from is checked before anything is imported that takes seconds."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from regraft import menagerie
from regraft.backbones.weights import application_names, check_weights
from regraft.config_file import parse_config
from regraft.errors import BackboneError, CheckpointError, ConfigError, ListError, StoreError
from regraft.pipeline.inputs import check_inputs
from regraft.pipeline.store_check import check_store

SLOW = {"tensorflow", "keras", "prefect", "matplotlib"}
SCRIPT = """
import sys
from regraft.flows.cli import app
for job in sys.argv[1:]:
    try:
        app(["run", job])
    except SystemExit as end:
        print(end.code)
    print("end of", job, file=sys.stderr)
print(*{name.split(".")[0] for name in sys.modules})
"""
WRONG = [
    ("nowhere.txt", "", 2, "nowhere.txt, is not there"),
    ("http://127.0.0.1:9/cats.txt", "", 2, "cannot be fetched"),
    ("cats.txt", "backbone: {name: vgg17}", 7, "There is no backbone 'vgg17'"),
    ("cats.txt", "backbone: {name: vgg-16}", 7, "There is no backbone 'vgg-16'. Did you mean vgg16?"),
    ("cats.txt", "backbone: {name: keras.applications.resnet50}", 7, "Did you mean ResNet50?"),
    ("cats.txt", "backbone: {weights: 's3://b/w.pth'}", 7, "The weights s3://b/w.pth must be a file of this machine"),
    ("cats.txt", "backbone: {weights: nowhere.pth}", 7, "nowhere.pth cannot be read"),
    ("cats.txt", "backbone: {weights: cats.txt}", 7, "not a plain weights file"),
]
"""A list, a line of the config, and the exit code and words that such a job is refused with."""


def test_a_wrong_list_or_wrong_weights_are_refused_at_once(tmp_path: Path) -> None:
    """One process refuses all of them, and has imported nothing slow in the end."""
    for name in ("cats.txt", "tigers.txt"):
        (tmp_path / name).write_text("http://cats.example/1.jpg\n")
    label = "{mean: 40, std: 8}"
    jobs = [f"{number}.yaml" for number in range(len(WRONG))]
    for job, (lists, more, _, _) in zip(jobs, WRONG, strict=True):
        categories = f"  cat: {{list: '{lists}', label: {label}}}\n  tiger: {{list: tigers.txt, label: {label}}}\n"
        (tmp_path / job).write_text(f"name: job\nstore: {tmp_path}/store\n{more}\ncategories:\n{categories}")
    ran = subprocess.run([sys.executable, "-c", SCRIPT, *jobs], cwd=tmp_path, capture_output=True, text=True)
    *codes, imported = ran.stdout.splitlines()
    assert codes == [str(code) for _, _, code, _ in WRONG], ran.stderr
    for errors, (*_, message) in zip(ran.stderr.split("end of"), WRONG, strict=False):
        assert message in errors
    assert SLOW & set(imported.split()) == set()
    assert not (tmp_path / "store").exists()


def test_weights_that_their_backbone_cannot_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"not HDF5")
    for name in ("efficientnet-lite0", "vgg16", "MobileNetV2"):
        with pytest.raises(CheckpointError):
            check_weights(name, str(tmp_path / "weights.h5"))
        check_weights(name, "random")
    with pytest.raises(BackboneError, match="There is no backbone 'MobileNetV9'"):
        check_weights("MobileNetV9", "random")


@pytest.mark.tensorflow
def test_the_names_of_all_applications_are_known_without_importing_them() -> None:
    from keras import applications

    assert application_names() == {name for name in dir(applications) if name[0].isupper()}


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("nonsense://bucket", "cannot be opened: Protocol not known"),
        ("memory://store", "lies in the memory of one process"),
        ("/proc/nowhere", "cannot be written"),
        ("/dev/null", "Not a directory"),
    ],
)
def test_a_store_that_cannot_keep_a_run_is_refused_before_any_work(store: str, expected: str) -> None:
    with pytest.raises(StoreError, match=expected):
        check_store(store)
    with pytest.raises(StoreError, match=expected):
        check_inputs(menagerie.CONFIG.model_copy(update={"store": store}))


def test_a_store_that_is_not_there_yet_is_not_made_by_being_looked_at(tmp_path: Path) -> None:
    check_store(str(tmp_path / "store"))
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_the_menagerie_has_not_is_refused_by_name() -> None:
    tiger = menagerie.CONFIG.categories["tiger"].model_copy(update={"list": "menagerie:lion"})
    config = menagerie.CONFIG.model_copy(update={"categories": {**menagerie.CONFIG.categories, "tiger": tiger}})
    with pytest.raises(ListError, match="menagerie:lion"):
        menagerie.check_lists(config)


@pytest.mark.parametrize(
    ("lengths", "target", "is_refused"),
    [
        (("5", "5.0"), "length", True),
        (("5", "6"), "length", False),
        (("5", ""), "length", False),
        (("5", "5"), "category", False),
    ],
)
def test_labels_that_are_all_the_same_are_refused_before_anything_is_fetched(
    tmp_path: Path, lengths: tuple[str, str], target: str, is_refused: bool
) -> None:
    categories = {}
    for name, length in zip(("cat", "tiger"), lengths, strict=True):
        header, cell = ("url,label", f",{length}") if length else ("url", "")
        (tmp_path / f"{name}.csv").write_text(f"{header}\nhttp://a.example/{name}1{cell}\nhttp://a.example/2{cell}\n")
        categories[name] = {"list": str(tmp_path / f"{name}.csv"), "label": {"mean": 40, "std": 8}}
    settings = {"name": "job", "store": str(tmp_path / "store"), "categories": categories, "head": {"target": target}}
    with pytest.raises(ConfigError, match="All links have the label 5 cm") if is_refused else contextlib.nullcontext():
        check_inputs(parse_config(settings))
