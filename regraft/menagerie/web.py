"""The small web behind the menagerie's lists: what each link serves, drawn by seed, rot of every kind included."""

import random
import struct
import zlib
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image

from regraft.menagerie import drawing

HOSTS = ("photos.savanna.example", "pets.fotolog.example", "img.zoo-club.example", "members.oldhost.example")
"""RFC 2606 names, which exist only behind the menagerie's own proxy."""
LISTS = "http://lists.savanna.example/"
"""Where the lists themselves are served, `tiger.txt` and `cat.txt`."""
ANIMALS = ("tiger", "cat")
COUNT = 170
"""Links of each list."""
MAX_BYTES = 2_000_000
"""The cap that the menagerie's config sets, so that its too large bodies stay small."""

ALIVE = {"photo": 72, "flaky": 5, "moved": 5, "octet_stream": 4, "as_html": 3, "twin": 4, "resaved": 9}
DEAD = {
    "gone_404": 12,
    "gone_410": 4,
    "forbidden": 5,
    "server_error": 3,
    "rate_limited": 2,
    "unreachable": 4,
    "tls": 2,
    "hang": 1,
    "loop": 2,
    "private": 2,
    "private_redirect": 2,
    "bad_url": 2,
    "too_large": 2,
    "endless": 1,
    "soft_404": 5,
    "home": 3,
    "empty": 2,
    "svg": 2,
    "truncated": 5,
    "short_body": 2,
    "bomb": 1,
    "tiny": 2,
    "animated": 2,
    "placeholder": 7,
    "hotlink": 6,
    "opted_out": 3,
}
"""Shares of the fates."""

REASONS: dict[str, tuple[str, ...]] = {
    "photo": ("", "near_duplicate", "duplicate"),
    "flaky": ("",),
    "moved": ("",),
    "octet_stream": ("",),
    "as_html": ("",),
    "twin": ("duplicate", ""),
    "resaved": ("", "near_duplicate"),
    "misfiled": ("misfiled",),
    "gone_404": ("gone",),
    "gone_410": ("gone",),
    "forbidden": ("forbidden",),
    "server_error": ("server_error",),
    "rate_limited": ("rate_limited",),
    "unreachable": ("unreachable",),
    "tls": ("tls",),
    "hang": ("timeout",),
    "loop": ("too_many_redirects",),
    "private": ("blocked",),
    "private_redirect": ("blocked",),
    "bad_url": ("bad_url",),
    "too_large": ("too_large",),
    "endless": ("too_large",),
    "soft_404": ("not_an_image",),
    "home": ("not_an_image",),
    "empty": ("not_an_image",),
    "svg": ("not_an_image",),
    "truncated": ("truncated",),
    "short_body": ("truncated",),
    "bomb": ("too_many_pixels",),
    "tiny": ("too_small",),
    "animated": ("animated",),
    "placeholder": ("placeholder",),
    "hotlink": ("placeholder",),
    "opted_out": ("opted_out",),
}
"""The reasons that a link of each fate may end with."""


@dataclass(frozen=True)
class Page:
    """What a server answers with."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """Content-Length, if it is not the body's."""
    hang: bool = False
    """Never answers."""
    endless: bool = False
    """Goes on with the same bytes for ever."""
    photo: bool = False
    """Has an ETag, and is answered 304 to who has it."""


class Web:
    """The fates of all links, fixed by a seed."""

    def __init__(self, seed: int = 0):
        self.seed = seed
        self.fates: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {animal: self._list(animal) for animal in ANIMALS}
        self._flaky: dict[str, int] = {}

    def page(self, url: str) -> Page:
        """Return what a URL serves now; a flaky one fails the first time it is asked."""
        if url.startswith(LISTS):
            animal = url.removeprefix(LISTS).removesuffix(".txt")
            return (
                Page(body="\n".join(self.lists[animal]).encode(), kind="text/plain")
                if animal in self.lists
                else Page(404)
            )
        if url.endswith("/gone.png"):
            return Page(body=_unavailable(), kind="image/png")
        if url.endswith("/elsewhere"):
            return self._photo(url.removesuffix("/elsewhere"), "image/jpeg")
        fate = self.fates.get(url)
        if fate == "flaky":
            self._flaky[url] = self._flaky.get(url, 0) + 1
            if self._flaky[url] % 2 == 1:
                return Page(503, headers={"Retry-After": "0"})
        if fate in _PHOTOS:
            return self._photo(url, _PHOTOS[fate], {"X-Robots-Tag": "noai"} if fate == "opted_out" else {})
        return self._dead(url, fate)

    def bytes_of(self, url: str) -> bytes:
        """Return the picture behind an alive link."""
        animal, number = url.rsplit("/", 2)[-2:]
        number = number.removesuffix(".jpg")
        if self.fates[url] == "misfiled":
            [animal] = set(ANIMALS) - {animal}
            number = f"misfiled/{number}"
        if self.fates[url] in ("twin", "resaved"):
            number = f"{int(number) - 1:03d}"
        quality = 70 if self.fates[url] == "resaved" else 88
        return _jpeg(animal, f"{self.seed}/{number}", quality)

    def _list(self, animal: str) -> list[str]:
        dice = random.Random(f"{self.seed}/{animal}/fates")
        fates = list(DEAD) + dice.choices(
            [*ALIVE, *DEAD], [*(7 * n for n in ALIVE.values()), *(4 * n for n in DEAD.values())], k=COUNT - len(DEAD)
        )
        dice.shuffle(fates)
        urls: list[str] = []
        for number, fate in enumerate(fates):
            if fate in ("twin", "resaved") and (number == 0 or self.fates[urls[-1]] != "photo"):
                fate = "photo"
            url = _url(dice.choice(HOSTS), animal, number, fate)
            self.fates[url] = fate
            urls.append(url)
        self.fates[next(url for url in urls if self.fates[url] == "photo")] = "misfiled"
        return urls

    def _photo(self, url: str, kind: str, headers: dict[str, str] | None = None) -> Page:
        return Page(body=self.bytes_of(url), kind=kind, headers=headers or {}, photo=True)

    def _dead(self, url: str, fate: str | None) -> Page:
        host = url.split("/")[2]
        half = _jpeg("tiger", "half", 88)
        match fate:
            case "forbidden":
                return Page(403, _SORRY)
            case "gone_410":
                return Page(410, _SORRY)
            case "server_error":
                return Page(500, _SORRY)
            case "rate_limited":
                return Page(429, _SORRY, headers={"Retry-After": "0"})
            case "unreachable":
                return Page(502, _SORRY)
            case "hang":
                return Page(hang=True)
            case "loop":
                return Page(302, headers={"Location": url})
            case "private_redirect":
                return Page(302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
            case "moved":
                return Page(301, headers={"Location": url + "/elsewhere"})
            case "placeholder":
                return Page(302, headers={"Location": f"http://{host}/gone.png"})
            case "home":
                return Page(302, headers={"Location": f"http://{host}/"})
            case "too_large":
                return Page(body=half, kind="image/jpeg", length=50_000_000)
            case "endless":
                return Page(body=half, kind="image/jpeg", endless=True)
            case "soft_404":
                return Page(body=_HOME)
            case "empty":
                return Page(kind="image/jpeg")
            case "svg":
                return Page(body=b'<svg xmlns="http://www.w3.org/2000/svg"/>', kind="image/svg+xml")
            case "truncated":
                return Page(body=half[: len(half) * 2 // 3], kind="image/jpeg")
            case "short_body":
                return Page(body=half[: len(half) // 2], kind="image/jpeg", length=len(half))
            case "bomb":
                return Page(body=_bomb(), kind="image/png")
            case "tiny":
                return Page(body=drawing.encoded(Image.new("RGB", (1, 1)), "GIF"), kind="image/gif")
            case "animated":
                return Page(body=_animation(), kind="image/gif")
            case "hotlink":
                return Page(body=_hotlink(), kind="image/jpeg")
            case None if url.count("/") == 3 and url.endswith("/"):
                return Page(body=_HOME)
            case _:
                return Page(404, _SORRY)


_PHOTOS = {
    "photo": "image/jpeg",
    "misfiled": "image/jpeg",
    "flaky": "image/jpeg",
    "twin": "image/jpeg",
    "resaved": "image/jpeg",
    "octet_stream": "application/octet-stream",
    "as_html": "text/html",
    "opted_out": "image/jpeg",
}
_SORRY = b"<!doctype html><title>Sorry</title><h1>Sorry</h1>"
_HOME = b"<!doctype html><title>Welcome</title><p>The page that you look for is no longer here."


def _url(host: str, animal: str, number: int, fate: str) -> str:
    match fate:
        case "bad_url":
            return f"htp:/{host}/{animal}/{number:03d}.jpg"
        case "private":
            return f"http://127.0.0.1:1/{animal}/{number:03d}.jpg"
        case "tls":
            return f"https://{host}/{animal}/{number:03d}.jpg"
        case _:
            return f"http://{host}/{animal}/{number:03d}.jpg"


@lru_cache(512)
def _jpeg(animal: str, seed: str, quality: int) -> bytes:
    return drawing.jpeg(animal, seed, quality)


@lru_cache(1)
def _unavailable() -> bytes:
    return drawing.encoded(drawing.unavailable(), "PNG")


@lru_cache(1)
def _hotlink() -> bytes:
    return drawing.encoded(drawing.unavailable().crop((100, 20, 400, 250)), "JPEG")


@lru_cache(1)
def _animation() -> bytes:
    frames = [drawing.drawing("cat", f"frame {i}").resize((120, 100)) for i in range(3)]
    return drawing.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _bomb() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 65 * 64, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
