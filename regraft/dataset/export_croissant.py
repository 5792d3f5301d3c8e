"""What an exported data set says of itself to programs: Croissant metadata.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html. Paths in it are relative to the file itself.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from regraft.dataset.export_card import DATA_FILES, published_day
from regraft.dataset.export_rows import schema_of
from regraft.dataset.export_settings import Layout
from regraft.dataset.licences import UNKNOWN, licence_counts
from regraft.dataset.splits import SPLITS
from regraft.links.memory import TIME
from regraft.store.version import Version

MEDIA_TYPES: Mapping[Layout, str] = {
    "imagefolder": "application/x-parquet",
    "webdataset": "application/x-tar",
    "parquet": "application/x-parquet",
    "huggingface": "application/x-parquet",
    "csv": "text/csv",
}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
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
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context of Croissant 1.0."""
DATA_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "sc:Text",
    pa.int64(): "sc:Integer",
    pa.float64(): "sc:Float",
    pa.bool_(): "sc:Boolean",
    TIME: "sc:Date",
    pa.list_(pa.string()): "sc:URL",
}
URLS = ("url", "final_url")
NO_IDENTIFIER = re.compile(r"[^\w.-]+")
"""What mlcroissant, or RDF beneath it, takes in no `@id`: blanks above all."""


def croissant(version: Version, rows: pd.DataFrame, layout: Layout) -> dict[str, Any]:
    """Return the metadata of an export, for rows of `provenance`.

    The record set `images` has a field for each column. Tar files have none: Croissant has no word for what webdataset
    finds in them.
    """
    name, day = f"{version.run.config.name}-{version.name}", published_day(version)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"{len(rows):,} images behind links that still lived on {day}, cleaned by Regraft.",
        "license": [str(licence) or UNKNOWN for licence in licence_counts(rows).index] or [UNKNOWN],
        "citeAs": f"{name}, cleaned by Regraft on {day}",
        "datePublished": day,
        "version": "1.0.0",
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "files",
                "name": "files",
                "description": "Each of them holds rows of the record set.",
                "encodingFormat": MEDIA_TYPES[layout],
                "includes": _patterns(layout),
            },
        ],
        "recordSet": [] if layout == "webdataset" else [_record_set(rows, layout)],
    }


def _patterns(layout: Layout) -> list[str]:
    """Which files the rows are in."""
    pattern = "{split}/metadata.parquet" if layout == "imagefolder" else DATA_FILES[layout]
    return sorted({pattern.format(split=split) for split in SPLITS})


def _record_set(rows: pd.DataFrame, layout: Layout) -> dict[str, Any]:
    """The columns of the files, as fields."""
    types = {column.name: DATA_TYPES[column.type] for column in schema_of(rows)} | dict.fromkeys(URLS, "sc:URL")
    if layout == "imagefolder":
        types = {"file_name": "sc:Text"} | types
    if layout in ("parquet", "huggingface"):
        types = {"image": "sc:ImageObject"} | types
    identifiers = _identifiers(types)
    fields = [_field(identifiers[name], name, data_type, layout) for name, data_type in types.items()]
    if layout == "huggingface":
        fields[0]["source"]["transform"] = {"jsonPath": "bytes"}
    return {"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": fields}


def _identifiers(columns: Iterable[str]) -> dict[str, str]:
    """Return the identifier of each column: its name, without what no `@id` may have."""
    identifiers: dict[str, str] = {}
    for column in columns:
        identifier = NO_IDENTIFIER.sub("_", column)
        while identifier in identifiers.values():
            identifier += "_"
        identifiers[column] = identifier
    return identifiers


def _field(identifier: str, column: str, data_type: str, layout: Layout) -> dict[str, Any]:
    """One column of the files. The URLs of a picture are a list, and in CSV a text; classes are numbers in features."""
    if column == "category" and layout == "huggingface":
        data_type = "sc:Integer"
    if column == "urls" and layout == "csv":
        data_type = "sc:Text"
    return {
        "@type": "cr:Field",
        "@id": f"images/{identifier}",
        "name": column,
        "dataType": data_type,
        "repeated": column == "urls" and layout != "csv",
        "source": {"fileSet": {"@id": "files"}, "extract": {"column": column}},
    }
