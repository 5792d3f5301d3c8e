"""What somebody had removed never comes back: not through another link, at another size, or by a redirect."""

import io
from pathlib import Path

import pytest
from PIL import Image

from regraft.fetching.outcomes import Attempt, finding_of
from regraft.identity import Url, digest_of
from regraft.links.findings import Finding, Request
from regraft.links.removals import NO_REMOVALS, Removals, hash_of_host, hash_of_link
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.pictures.limits import Limits
from regraft.store.store import Store
from regraft.verdicts import Reason
from regraft.web.answers import Body
from regraft.web.urls import requested_host_of

CAT = encoded(drawing("cat", "removed"), "JPEG")
DOG = encoded(drawing("tiger", "another"), "JPEG")
URL = Url("http://photos.example/cat.jpg")


def judged(data: bytes) -> Picture | Unfit:
    return judge(data, Limits())


def phash_of(data: bytes) -> str:
    picture = judged(data)
    assert isinstance(picture, Picture)
    return picture.phash


def resized(data: bytes, share: float, mirrored: bool = False) -> bytes:
    picture: Image.Image = Image.open(io.BytesIO(data))
    if mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    file = io.BytesIO()
    picture.resize((int(picture.width * share), int(picture.height * share))).save(file, "JPEG", quality=70)
    return file.getvalue()


CAT_REMOVED = Removals(pictures=frozenset({digest_of(CAT)}), phashes=(phash_of(CAT),))


def came_of(store: Store, data: bytes, removals: Removals) -> Finding:
    attempt = Attempt(number=0, request=Request(URL), url=URL)
    return finding_of(attempt, Body(data, etag="e", last_modified="l", robots=""), judged, store.blobs, removals)


@pytest.mark.parametrize(
    "data",
    [CAT, resized(CAT, 0.5), resized(CAT, 1.5), resized(CAT, 1.0, mirrored=True)],
    ids=["same", "half", "large", "mirrored"],
)
def test_a_removed_picture_is_not_kept_whatever_link_shows_it(data: bytes, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    finding = came_of(store, data, CAT_REMOVED)
    assert finding.reason is Reason.REMOVED
    assert (finding.digest, finding.phash, finding.etag, finding.bytes) == ("", "", "", 0)
    assert list(store.blobs) == []


def test_another_picture_is_kept(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert came_of(store, DOG, CAT_REMOVED).reason is Reason.ALIVE
    assert store.blobs.has(digest_of(DOG))


def test_a_copy_that_was_spared_is_kept(tmp_path: Path) -> None:
    copy = resized(CAT, 0.5)
    spared = Removals(
        pictures=CAT_REMOVED.pictures,
        phashes=CAT_REMOVED.phashes,
        spared=frozenset({digest_of(copy)}),
        spared_phashes=(phash_of(copy),),
    )
    assert came_of(Store(str(tmp_path)), copy, spared).reason is Reason.ALIVE


def test_where_nothing_was_removed_nothing_is_left_out() -> None:
    assert not NO_REMOVALS
    assert not NO_REMOVALS.has_link(URL)
    assert not NO_REMOVALS.has_copy(phash_of(CAT))


@pytest.mark.parametrize("url", ["nonsense", "http://user:word@photos.example/", "http://photos.example:99999/", ""])
def test_a_text_that_is_no_url_can_be_removed_too(url: str) -> None:
    host = hash_of_host(requested_host_of(url))
    removals = Removals(links=frozenset({hash_of_link(url)}), hosts_of_links=frozenset({host}))
    assert removals.has_link(url)
    assert not removals.has_link(url + "x")
