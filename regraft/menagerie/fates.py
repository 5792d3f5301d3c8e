"""What may become of a link in the menagerie: its fate, which is fixed when the web is made."""

from regraft.menagerie.weighted import Weighted


class Fate(Weighted):
    """What a link serves, and how often that comes up in a list."""

    PHOTO = "photo", 504
    """A picture, served as it should be."""
    FLAKY = "flaky", 35
    """A picture, after a 503 every other time."""
    MOVED = "moved", 35
    """A picture, behind a redirect."""
    OCTET_STREAM = "octet_stream", 28
    """A picture, served as application/octet-stream."""
    AS_HTML = "as_html", 21
    """A picture, served as text/html."""
    TWIN = "twin", 28
    """The very bytes of the link before."""
    RESAVED = "resaved", 63
    """The picture of the link before, saved at a lower quality."""
    MISFILED = "misfiled"
    """A picture of the other animal. Each list has one, in place of its first photo."""

    GONE_404 = "gone_404", 48
    """Status 404."""
    GONE_410 = "gone_410", 16
    """Status 410."""
    FORBIDDEN = "forbidden", 20
    """Status 403."""
    SERVER_ERROR = "server_error", 12
    """Status 500."""
    RATE_LIMITED = "rate_limited", 8
    """Status 429, always."""
    UNREACHABLE = "unreachable", 16
    """Status 502: the proxy cannot reach the host."""
    TLS = "tls", 8
    """An https link to a server that speaks no TLS."""
    HANG = "hang", 4
    """No answer."""
    LOOP = "loop", 8
    """A redirect to itself."""
    PRIVATE = "private", 8
    """A link to a private address."""
    PRIVATE_REDIRECT = "private_redirect", 8
    """A redirect to a private address."""
    BAD_URL = "bad_url", 8
    """A text that is no URL."""
    TOO_LARGE = "too_large", 8
    """A body that announces more bytes than are allowed."""
    ENDLESS = "endless", 4
    """A body without an end."""
    SOFT_404 = "soft_404", 20
    """Status 200, and a page that says sorry."""
    HOME = "home", 12
    """A redirect to the host's home page."""
    EMPTY = "empty", 8
    """Status 200, and no byte."""
    SVG = "svg", 8
    """A drawing in SVG."""
    TRUNCATED = "truncated", 20
    """Two thirds of a JPEG."""
    SHORT_BODY = "short_body", 8
    """Half of the bytes that are announced."""
    BOMB = "bomb", 4
    """A small file that would decode to 60,000 x 60,000 pixels."""
    TINY = "tiny", 8
    """A picture of one pixel."""
    ANIMATED = "animated", 8
    """A GIF of three frames."""
    PLACEHOLDER = "placeholder", 28
    """A redirect to the picture that its host shows in place of photos that are gone."""
    HOTLINK = "hotlink", 24
    """The same picture for every link: hotlinking is not welcome."""
    OPTED_OUT = "opted_out", 12
    """A picture with `X-Robots-Tag: noai`."""


ALIVE_FATES = (Fate.PHOTO, Fate.FLAKY, Fate.MOVED, Fate.OCTET_STREAM, Fate.AS_HTML, Fate.TWIN, Fate.RESAVED)
"""The fates of links that show a picture to learn from."""
DEAD_FATES = tuple(fate for fate in Fate if fate not in (*ALIVE_FATES, Fate.MISFILED))
"""The fates of links to learn nothing from; each comes up at least once in a list."""
ONCE_ALIVE_FATES = (
    Fate.GONE_404,
    Fate.GONE_410,
    Fate.SERVER_ERROR,
    Fate.UNREACHABLE,
    Fate.TLS,
    Fate.HANG,
    Fate.LOOP,
)
"""The fates of dead links that the menagerie's web archive may have kept."""
