"""`regraft dataset`: a version's pictures, labels and splits, written for other programs."""

from typing import TYPE_CHECKING, Annotated

import typer

from regraft.dataset.export_settings import MAX_SIDE, Encoding, ExportSettings, Layout, PictureSettings, Resize
from regraft.errors import ConfigError, PictureError
from regraft.flows.cli.app import Panel, StoreOption, app, exit_with_message
from regraft.flows.cli.output import listed

if TYPE_CHECKING:
    from regraft.dataset.export import Exported
    from regraft.store.version import Version


@app.command(rich_help_panel=Panel.USE)
def dataset(
    version: Annotated[
        str, typer.Argument(help="`newest`, `champion`, `previous`, a version, or the beginning of its name.")
    ],
    out: Annotated[str, typer.Argument(help="A folder, or an fsspec URL such as s3://bucket/prefix.")],
    to: Annotated[Layout, typer.Option(help="How the data set lies there.")],
    encode: Annotated[
        Encoding | None, typer.Option(help="Encode pictures anew; `original` keeps the bytes as fetched.")
    ] = None,
    resize: Annotated[Resize, typer.Option(help="Resize pictures, as img2dataset does.")] = "no",
    size: Annotated[int, typer.Option(min=1, max=MAX_SIDE, help="Pixels of the side that --resize fits.")] = 256,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")] = 95,
    shard: Annotated[int, typer.Option(min=1, help="Pictures in one file, where many go into one.")] = 1000,
    store: StoreOption = None,
) -> None:
    """Write a version's data set for other programs: pictures, labels, splits, and where each came from.

    Cut off, the same command goes on where it stopped. Pictures stay as they were fetched; with --resize they become
    JPEG, or what --encode says.

    Examples:
    - `regraft dataset champion felidae/ --to imagefolder --encode jpeg`: for Keras and torchvision
    - `regraft dataset newest s3://bucket/felidae --to webdataset --resize border --size 256`
    - `regraft dataset newest felidae/ --to huggingface`: then `datasets.load_dataset("felidae/")`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.store import versions
        from regraft.store.disk import IN_ONE_PROCESS

        if encode == "original" and resize != "no":
            raise ConfigError("--encode original keeps the bytes as fetched, so they cannot be resized: leave one out.")
        if out.startswith(IN_ONE_PROCESS):
            raise ConfigError(f"{out} lies in this command's memory, and would end with it: name a folder or a bucket.")
        encoding = encode or ("original" if resize == "no" else "jpeg")
        pictures = PictureSettings(encoding=encoding, resize=resize, size=size, quality=quality)
        settings = ExportSettings(layout=to, pictures=pictures, shard_images=shard)
        exported = _export(versions.named(open_store(store), version), out, settings)
        print(f"{exported.address}: {exported.images} images; README.md says what is there.")
        if exported.left_out:
            first_line = f"{len(exported.left_out)} images are left out:"
            raise PictureError(listed(first_line, exported.left_out))


def _export(version: "Version", out: str, settings: "ExportSettings") -> "Exported":
    """Export with a bar that shows how far it is."""
    from regraft import progress
    from regraft.dataset.export import export_dataset
    from regraft.flows.cli.progress_bars import progress_shown

    with progress_shown("reading the version"):
        images = version.run.counts.images
        return export_dataset(version, out, settings, progress.Meter().expect("export", sum(images.values())))
