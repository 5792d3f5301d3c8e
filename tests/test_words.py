"""Names say what a thing is: `told`, `found` or `it` say only that it is there, and are no names.

STYLE: a variable, a field, a function is named by the field's own words. This test keeps the old ones from coming back.
"""

from tests.sources import ROOT, files, source

EMPTY_WORDS = {"told", "found", "said", "given", "asked", "it", "one", "of", "them"}
EMPTY_CONSTANTS = {"TOGETHER", "SHOWN", "SAME", "USUAL", "MOST", "FEW"}
BY_FIELD_WORDS = {
    "trial": "evaluate",
    "weed": "drop_misfiled",
    "recall": "reuse",
    "recipe": "fingerprint",
    "naming": "classification",
    "gallery": "examples",
    "telling": "output",
    "showing": "progress",
    "quarantine": "accept",
    "told_apart": "exit_with_message",
    "spelt": "normalised",
}
"""What had another name once, and the field's word for it."""


def test_names_say_what_a_thing_is() -> None:
    no_names = EMPTY_WORDS | EMPTY_CONSTANTS | set(BY_FIELD_WORDS)
    bad = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files()
        for line, name in source(path).names
        if name.strip("_") in no_names
    ]
    bad += [str(path.relative_to(ROOT)) for path in files() if path.stem in no_names]
    assert bad == [], f"the field's words: {BY_FIELD_WORDS}"
