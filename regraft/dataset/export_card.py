"""What an exported data set says of itself: a data card for people, and Croissant metadata for programs."""

from typing import Any

import pandas as pd
import yaml

from regraft.dataset.splits import SPLITS
from regraft.store.versions import Version

DATA_FILES = {
    "imagefolder": "{split}/**",
    "webdataset": "{split}-*.tar",
    "parquet": "{split}-*.parquet",
    "huggingface": "data/{split}-*.parquet",
    "csv": "images.csv",
}
"""Where the files of a split are, by layout."""
MEDIA_TYPES = {
    "imagefolder": "text/csv",
    "webdataset": "application/x-tar",
    "parquet": "application/vnd.apache.parquet",
    "huggingface": "application/vnd.apache.parquet",
    "csv": "text/csv",
}
CROISSANT_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context of Croissant 1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html."""
CARD = """\
---
{about}---

# {name} {version}

{images} images that the links of {categories} lists still showed on {day}, cleaned, labelled and split by Regraft.

| split | {heads} |
|---|{rules}|
{rows}

Every image comes with the link that showed it last (`url`, `final_url`, `checked_at`), all links that do (`urls`), and
the SHA-256 of the bytes as fetched (`digest`). Near-duplicates share a `cluster`.

{labels}

The pictures are other people's. Nothing here is a licence to use them: look behind each `url`.
"""
LENGTHS = (
    "`label` is a length in cm: the list's own where it has one, else drawn from the category's distribution, so that "
    "it says nothing about the picture."
)
CATEGORIES = "`label` is the category, which is the list that the link stands in."


def dataset_card(version: Version, rows: pd.DataFrame, layout: str) -> str:
    """Return README.md in the form of https://huggingface.co/docs/hub/datasets-cards, for rows of `provenance`."""
    run = version.run
    categories = sorted(rows["category"].unique())
    files = [{"split": split, "path": DATA_FILES[layout].format(split=split)} for split in SPLITS]
    about: dict[str, Any] = {
        "pretty_name": f"{run.config.name} {version.name}",
        "tags": ["regraft"],
        "task_categories": ["image-classification"],
        "configs": [{"config_name": "default", "data_files": files if layout != "csv" else "images.csv"}],
    }
    counts = rows.groupby(["split", "category"]).size().unstack(fill_value=0)
    table = [
        f"| {split} | " + " | ".join(str(counts.loc[split].get(c, 0)) for c in categories) + " |" for split in SPLITS
    ]
    return CARD.format(
        about=yaml.safe_dump(about, sort_keys=False, allow_unicode=True),
        name=run.config.name,
        version=version.name,
        images=len(rows),
        categories=len(categories),
        day=_day(version),
        heads=" | ".join(categories),
        rules="|".join("---:" for _ in categories),
        rows="\n".join(table),
        labels=CATEGORIES if run.config.head.target == "category" else LENGTHS,
    )


def croissant(version: Version, rows: pd.DataFrame, layout: str) -> dict[str, Any]:
    """Return Croissant metadata, https://docs.mlcommons.org/croissant/docs/croissant-spec.html, of an export."""
    name = f"{version.run.config.name}-{version.name}"
    patterns = ["images.csv"] if layout == "csv" else [DATA_FILES[layout].format(split=split) for split in SPLITS]
    if layout == "imagefolder":
        patterns = [f"{split}/metadata.csv" for split in SPLITS]
    return {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"{len(rows)} images behind links that still lived on {_day(version)}, cleaned by Regraft.",
        "datePublished": _day(version),
        "version": "1.0.0",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "folder",
                "name": "folder",
                "contentUrl": ".",
                "encodingFormat": "local_directory",
                "sha256": "none",
            },
            {
                "@type": "cr:FileSet",
                "@id": "files",
                "name": "files",
                "containedIn": {"@id": "folder"},
                "encodingFormat": MEDIA_TYPES[layout],
                "includes": patterns,
            },
        ],
        "recordSet": [] if layout == "webdataset" else [_record_set()],
    }


def _day(version: Version) -> str:
    """When a version was published, such as 2026-11-24."""
    return f"{version.name[:4]}-{version.name[4:6]}-{version.name[6:8]}"


def _record_set() -> dict[str, Any]:
    """The columns of a table, as fields."""
    columns = {
        "digest": "sc:Text",
        "category": "sc:Text",
        "url": "sc:URL",
        "final_url": "sc:URL",
        "checked_at": "sc:Date",
        "width": "sc:Integer",
        "height": "sc:Integer",
    }
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"images/{column}",
            "name": column,
            "dataType": kind,
            "source": {"fileSet": {"@id": "files"}, "extract": {"column": column}},
        }
        for column, kind in columns.items()
    ]
    return {"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": fields}
