"""What an exported data set says of itself to people: README.md, a data card."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import yaml

from regraft.dataset.export_files import features
from regraft.dataset.export_settings import Layout
from regraft.dataset.licences import OTHER, identifiers, licence_counts
from regraft.dataset.list_columns import names_of_list_columns
from regraft.dataset.splits import SPLITS
from regraft.store.version import Version

DATA_FILES: Mapping[Layout, str] = {
    "imagefolder": "{split}/**",
    "webdataset": "{split}-*.tar",
    "parquet": "{split}-*.parquet",
    "huggingface": "data/{split}-*.parquet",
    "csv": "images.csv",
}
"""Where the files of a split are, by layout."""
MAX_LICENCES = 20
"""Licences that the card counts one by one."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGE = "1M<n<10M"
CARD = """\
---
{about}---

# {name} {version}

{images:,} images that the links of {categories} lists still showed on {day}, cleaned, labelled and split by Regraft.

| split | {heads} |
|---|{rules}|
{rows}

Every image comes with a link that shows it (`url`, `final_url`, `checked_at`), all links that do (`urls`, of which that
one is the first), and the SHA-256 of the bytes as fetched (`digest`). Near-duplicates share a `cluster`.

{labels}

## Licences

{licences}
"""
LENGTHS = (
    "`label` is a length in cm: the list's own where it has one, else drawn from the category's distribution, so that "
    "it says nothing about the picture."
)
CATEGORIES = "`label` is the category, which is the list that the link stands in."
FROM_LISTS = "From the lists, as they say them of `url`: {names}."
NOT_OURS = "The pictures are other people's. Nothing here is a licence to use them: look behind each `url`."


def dataset_card(version: Version, rows: pd.DataFrame, layout: Layout) -> str:
    """Return README.md in the form of https://huggingface.co/docs/hub/datasets-cards, for rows of `provenance`."""
    run = version.run
    categories = sorted(rows["category"].unique())
    counts = rows.groupby(["split", "category"]).size().unstack(fill_value=0).reindex(SPLITS, fill_value=0)
    table = [f"| {' | '.join(map(str, row))} |" for row in counts.itertuples(name=None)]
    labels = CATEGORIES if run.config.head.target == "category" else LENGTHS
    of_lists = ", ".join(f"`{name}`" for name in names_of_list_columns(map(str, rows)))
    return CARD.format(
        about=yaml.safe_dump(_metadata(version, rows, layout), sort_keys=False, allow_unicode=True),
        name=run.config.name,
        version=version.name,
        images=len(rows),
        categories=len(categories),
        day=published_day(version),
        heads=" | ".join(categories),
        rules="|".join("---:" for _ in categories),
        rows="\n".join(table),
        labels=f"{labels}\n\n{FROM_LISTS.format(names=of_lists)}" if of_lists else labels,
        licences=_licences(licence_counts(rows)),
    )


def published_day(version: Version) -> str:
    """Return when a version was published, such as 2026-11-24."""
    return f"{version.name[:4]}-{version.name[4:6]}-{version.name[6:8]}"


def _metadata(version: Version, rows: pd.DataFrame, layout: Layout) -> dict[str, Any]:
    """What Hugging Face's hub reads: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md."""
    files = [{"split": split, "path": DATA_FILES[layout].format(split=split)} for split in SPLITS]
    licences = identifiers(licence_counts(rows).index)
    about: dict[str, Any] = {
        "pretty_name": f"{version.run.config.name} {version.name}",
        "license": licences[0] if len(licences) == 1 else licences,
        **({"license_name": "as-in-the-lists", "license_link": "README.md"} if licences == [OTHER] else {}),
        "tags": ["regraft"],
        "task_categories": ["image-classification"],
        "size_categories": [next((size for limit, size in SIZES if len(rows) < limit), LARGE)],
        "configs": [{"config_name": "default", "data_files": files if layout != "csv" else "images.csv"}],
    }
    return about | ({"dataset_info": _dataset_info(rows)} if layout == "huggingface" else {})


def _dataset_info(rows: pd.DataFrame) -> dict[str, Any]:
    """The columns and the splits, as `datasets` checks them when it reads the files."""
    columns = features(rows, sorted(rows["category"].unique()))
    sizes = rows["split"].value_counts()
    return {
        "features": [{"name": name, **_feature(feature)} for name, feature in columns.items()],
        "splits": [
            {"name": split, "num_bytes": 0, "num_examples": int(sizes[split])}  # no bytes: not known yet
            for split in SPLITS
            if split in sizes
        ],
    }


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    """A column's type as a card writes it."""
    match feature["_type"]:
        case "Image":
            return {"dtype": "image"}
        case "ClassLabel":
            return {"dtype": {"class_label": {"names": {str(i): name for i, name in enumerate(feature["names"])}}}}
        case "List":
            return {"list": feature["feature"]["dtype"]}
        case _:
            return {"dtype": feature["dtype"]}


def _licences(counts: "pd.Series[int]") -> str:
    """What is known of licences, as a list of them and a warning."""
    if counts.empty:
        return NOT_OURS
    names = [" ".join(str(name).split()) or "none named" for name in counts.index[:MAX_LICENCES]]
    shown = [f"- {name}: {count:,} images" for name, count in zip(names, counts, strict=False)]
    if len(counts) > MAX_LICENCES:
        shown.append(f"- {len(counts) - MAX_LICENCES:,} more: {counts.iloc[MAX_LICENCES:].sum():,} images")
    return "As the lists name them; nobody has checked:\n\n" + "\n".join(shown) + f"\n\n{NOT_OURS}"
