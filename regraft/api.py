"""The public interface, for notebooks and scripts: load a config, run it, look at versions, predict.

`import regraft` offers these names. Everything here works without Prefect.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from regraft import menagerie
from regraft.config import Config
from regraft.config_file import load_config
from regraft.errors import RegraftError
from regraft.heads.predicting import images_named_by, load_model, predict_images
from regraft.pipeline.bench import Bench
from regraft.pipeline.refresh import refresh
from regraft.pipeline.run import open_run
from regraft.store import versions as published
from regraft.store.store import Store
from regraft.store.version import Version as PublishedVersion
from regraft.web.client import Client
from regraft.web.guard import Guard

if TYPE_CHECKING:
    from regraft.heads.model import Model

__all__ = ["Config", "RegraftError", "Store", "Version", "load_config", "open_store", "run", "version", "versions"]


class Version(PublishedVersion):
    """One published version: its tables as pandas, its figures, its model.

    Tables are read from the store each time that they are asked for; the model is loaded once.
    """

    @property
    def links(self) -> pd.DataFrame:
        """What became of every link: one row for each link of each category, with its verdict and reason."""
        return self.table("links.parquet")

    @property
    def manifest(self) -> pd.DataFrame:
        """The images that the model learnt from or was measured on: one row an image, with its label and split."""
        return self.table("manifest.parquet")

    @property
    def predictions(self) -> pd.DataFrame:
        """What the model answers for each image of the manifest."""
        return self.table("predictions.parquet")

    @property
    def holdout(self) -> pd.DataFrame:
        """The images on which this version and the champion were compared."""
        return self.table("holdout.parquet")

    @property
    def link_rot(self) -> pd.DataFrame:
        """How many links died, came back or changed since the version before, by category, host and reason."""
        return self.table("link_rot.parquet")

    @cached_property
    def model(self) -> "Model":
        """The model. Its `predict` takes decoded pictures, (H, W, 3) uint8 RGB.

        Loading it takes a moment, or some seconds where it takes TensorFlow. Raises VersionError where the version is
        damaged, BackboneError where the backbone's weights are not on this machine.
        """
        return load_model(self)

    def predict(self, *images: str | Path) -> pd.DataFrame:
        """Return one row an image for files, folders, globs and http(s) URLs.

        Columns: `image`, then `length_cm`, `low_cm` and `high_cm`, or `category`, `probability` and `possible`, then
        `unlike` and `problem`. An image that cannot be had has a `problem` and no prediction. Raises PictureError where
        a word names no image, and whatever `model` raises.
        """
        names = [name for word in images for name in images_named_by(str(word))]
        return predict_images(names, self.model, Client(Guard())).table

    def __repr__(self) -> str:
        """Return where the version is."""
        return f"<Version {self.address}>"


def run(config: Config = menagerie.CONFIG) -> Version:
    """Run a job once and return the version that it published. Without a config it runs on the embedded menagerie.

    It takes minutes the first time and seconds where little changed; set the log level of `regraft` to INFO to see how
    far it is. Raises a RegraftError where it cannot be done: LockedError while another run is under way in the store,
    OutageError where the network here is down, TooFewImages where too little is left to learn from. What was fetched
    by then is kept, and the next run goes on from there.
    """
    with menagerie.served(config) as reachable, open_run(reachable) as spec:
        name = refresh(Bench.of(spec))
    return Version(open_store(config.store), name)


def open_store(url: str | Path = "artifacts") -> Store:
    """Return the store in a folder or at an fsspec URL such as s3://bucket/prefix; nothing is read or written yet.

    Raises StoreError where the URL's file system is not known.
    """
    return Store(str(url))


def versions(store: Store) -> list[Version]:
    """Return all published versions, oldest first."""
    return [Version(store, name) for name in published.names(store)]


def version(store: Store, name: str = "champion") -> Version:
    """Return `champion`, `newest`, `previous` (the champion before), or a version by its name or its beginning.

    Raises VersionError where there is none.
    """
    return Version(store, published.named(store, name).name)
