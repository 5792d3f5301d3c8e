"""Predictions with the champion: a table's rows, and the tutorial's picture."""

from pathlib import Path
from typing import Any

from regraft import plots, versions
from regraft.config import BackboneSettings
from regraft.errors import PictureError, VersionError
from regraft.guard import Guard
from regraft.images import Limits, Pixels, Unfit, judge, rgb
from regraft.quiet import muted
from regraft.store import Store
from regraft.web import Body, Client

DEADLINE_S = 30
SHOWN_SIDE = 512


def predict(images: list[str], store: str, picture: Path, proxy: str | None = None) -> list[dict[str, Any]]:
    """Return image and length_cm of each image, and save the picture of them side by side.

    Raises VersionError where there is no champion, PictureError naming the image that cannot be had.
    """
    champion = versions.champion(Store(store))
    if champion is None:
        raise VersionError(f"There is no champion in {store} yet. `regraft run` makes the first version.")
    client = Client(Guard(), proxy=proxy)
    pictures = [rgb(_bytes(image, client)) for image in images]
    lengths = _lengths(champion, pictures)
    names = [image.rsplit("/", 1)[-1][:40] for image in images]
    captions = [f"{name}\n{length:.1f} cm" for name, length in zip(names, lengths, strict=True)]
    picture.write_bytes(plots.gallery(pictures, captions))
    return [{"image": image, "length_cm": round(float(x), 3)} for image, x in zip(images, lengths, strict=True)]


def _bytes(image: str, client: Client) -> bytes:
    """The bytes of a picture that was judged fit to decode."""
    if image.startswith(("http://", "https://")):
        _, answer = client.follow(image, DEADLINE_S)
        if not isinstance(answer, Body):
            raise PictureError(f"{image} cannot be fetched: {getattr(answer, 'detail', 'no answer')}.")
        data = answer.data
    else:
        try:
            data = Path(image).read_bytes()
        except OSError as error:
            raise PictureError(f"{image} cannot be read: {error.strerror}.") from error
    found = judge(data, Limits(min_side=1))
    if isinstance(found, Unfit) and found.reason != "placeholder":
        raise PictureError(f"{image} is no picture to predict on: {found.reason}, {found.detail}.")
    return data


def _lengths(champion: versions.Version, pictures: list[Pixels]) -> list[float]:
    with muted():
        from regraft import backbones, embedding
        from regraft.head import Head

    told = champion.json("run.json")
    settings = BackboneSettings.model_validate(told["config"]["backbone"])
    backbone = backbones.load(settings.name, settings.weights)
    if backbone.fingerprint != told["fingerprint"]:
        raise VersionError(
            f"The champion was trained on {told['fingerprint']}, but the backbone here is {backbone.fingerprint}; "
            "predictions would mean nothing. Install the weights that it was trained on, or run again."
        )
    features = embedding.features_of(pictures, backbone)
    return [float(x) for x in Head.from_bytes(champion.read("head.keras")).predict(features)]
