"""What the menagerie's servers answer with, by a link's fate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from regraft.menagerie.fates import Fate
from regraft.menagerie.odd_pictures import animated_gif, bomb_png, hotlink_jpeg, pixel_gif, tiger_jpeg

SORRY = b"<!doctype html><title>Sorry</title><h1>Sorry</h1>"
WELCOME = b"<!doctype html><title>Welcome</title><p>The page that you look for is no longer here."
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a server answers with."""

    status: int = 200
    """The HTTP status."""
    body: bytes = b""
    """The body, or the beginning of an endless one."""
    content_type: str = "text/html"
    """The header Content-Type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers."""
    length: int | None = None
    """Content-Length, if it is not the body's."""
    hangs: bool = False
    """Whether the server never answers."""
    endless: bool = False
    """Whether the body is repeated for ever."""
    is_photo: bool = False
    """Whether it has an ETag, and is answered 304 to whoever has it."""


PHOTO_TYPES: dict[Fate, str] = {
    Fate.PHOTO: "image/jpeg",
    Fate.MISFILED: "image/jpeg",
    Fate.FLAKY: "image/jpeg",
    Fate.TWIN: "image/jpeg",
    Fate.RESAVED: "image/jpeg",
    Fate.OCTET_STREAM: "application/octet-stream",
    Fate.AS_HTML: "text/html",
    Fate.OPTED_OUT: "image/jpeg",
}
"""The fates whose links serve a picture of their own, and the Content-Type that it is served with."""
REDIRECTS: dict[Fate, tuple[int, str]] = {
    Fate.MOVED: (301, "{url}/elsewhere"),
    Fate.LOOP: (302, "{url}"),
    Fate.PRIVATE_REDIRECT: (302, "http://169.254.169.254/latest/meta-data/"),
    Fate.PLACEHOLDER: (302, "http://{host}/gone.png"),
    Fate.HOME: (302, "http://{host}/"),
}
"""The fates whose links redirect: the status, and where to."""


def _jpeg(length: int | None = None, endless: bool = False) -> Page:
    return Page(body=tiger_jpeg(), content_type="image/jpeg", length=length, endless=endless)


def _first_part_of_jpeg(numerator: int, denominator: int, announces_all: bool = False) -> Page:
    jpeg = tiger_jpeg()
    part = jpeg[: len(jpeg) * numerator // denominator]
    return Page(body=part, content_type="image/jpeg", length=len(jpeg) if announces_all else None)


OTHER_PAGES: dict[Fate, Callable[[], Page]] = {
    Fate.GONE_404: lambda: Page(status=404, body=SORRY),
    Fate.GONE_410: lambda: Page(status=410, body=SORRY),
    Fate.FORBIDDEN: lambda: Page(status=403, body=SORRY),
    Fate.SERVER_ERROR: lambda: Page(status=500, body=SORRY),
    Fate.RATE_LIMITED: lambda: Page(status=429, body=SORRY, headers={"Retry-After": "0"}),
    Fate.UNREACHABLE: lambda: Page(status=502, body=SORRY),
    Fate.HANG: lambda: Page(hangs=True),
    Fate.TOO_LARGE: lambda: _jpeg(length=50_000_000),
    Fate.ENDLESS: lambda: _jpeg(endless=True),
    Fate.SOFT_404: lambda: Page(body=WELCOME),
    Fate.EMPTY: lambda: Page(content_type="image/jpeg"),
    Fate.SVG: lambda: Page(body=SVG, content_type="image/svg+xml"),
    Fate.TRUNCATED: lambda: _first_part_of_jpeg(2, 3),
    Fate.SHORT_BODY: lambda: _first_part_of_jpeg(1, 2, announces_all=True),
    Fate.BOMB: lambda: Page(body=bomb_png(), content_type="image/png"),
    Fate.TINY: lambda: Page(body=pixel_gif(), content_type="image/gif"),
    Fate.ANIMATED: lambda: Page(body=animated_gif(), content_type="image/gif"),
    Fate.HOTLINK: lambda: Page(body=hotlink_jpeg(), content_type="image/jpeg"),
    # Nobody gets to ask for these: the guard, the URL or TLS ends it before.
    Fate.PRIVATE: lambda: Page(status=404, body=SORRY),
    Fate.BAD_URL: lambda: Page(status=404, body=SORRY),
    Fate.TLS: lambda: Page(status=404, body=SORRY),
}
"""What the links of all other fates serve."""
