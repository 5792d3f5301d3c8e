"""What became of a link: its verdict, and the reason for it."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether a link can be learnt from."""

    ALIVE = "alive"
    """The link shows a picture to learn from."""
    DEAD = "dead"
    """Nothing can be fetched from the link."""
    JUNK = "junk"
    """Something can be fetched, but nothing to learn from."""
    UNKNOWN = "unknown"
    """The link was never asked for."""


class Reason(StrEnum):
    """Why a link has its verdict. Tables hold the reason's text, such as "gone"; a picture's is empty.

    `Reason("gone")` finds a reason by its text, and raises ValueError for a text that is no reason.
    """

    verdict: Verdict
    """The verdict that the reason leads to."""
    is_lasting: bool
    """Junk whatever the settings are: while the server answers 304 (not modified), it is junk still."""

    def __new__(cls, text: str, verdict: Verdict = Verdict.ALIVE, is_lasting: bool = False) -> "Reason":
        """Make a reason that is equal to its text and knows its verdict."""
        reason = str.__new__(cls, text)
        reason._value_ = text
        reason.verdict = verdict
        reason.is_lasting = is_lasting
        return reason

    ALIVE = ""
    """No reason: the link shows a picture to learn from."""

    GONE = "gone", Verdict.DEAD
    """The server says that there is no such page: 404, 410 or another 4xx answer."""
    FORBIDDEN = "forbidden", Verdict.DEAD
    """The server refuses: 401, 402, 403, 407 or 451."""
    SERVER_ERROR = "server_error", Verdict.DEAD
    """The server failed: a 5xx answer."""
    RATE_LIMITED = "rate_limited", Verdict.DEAD
    """The server still asks for fewer requests (429) after the last attempt."""
    UNREACHABLE = "unreachable", Verdict.DEAD
    """No answer: the name does not resolve, the connection fails, or a gateway cannot reach the server (502, 504)."""
    TLS = "tls", Verdict.DEAD
    """The server's certificate or its encryption is not acceptable."""
    TIMEOUT = "timeout", Verdict.DEAD
    """The answer took longer than the deadline."""
    TOO_MANY_REDIRECTS = "too_many_redirects", Verdict.DEAD
    """Redirects lead in a circle, or on and on."""
    BLOCKED = "blocked", Verdict.DEAD
    """The address is private, the port is not one for the web, or the URL carries a password."""
    BAD_URL = "bad_url", Verdict.DEAD
    """The text in the list is no http(s) URL."""

    TOO_LARGE = "too_large", Verdict.JUNK
    """The body is larger than `fetch.max_bytes`."""
    NOT_AN_IMAGE = "not_an_image", Verdict.JUNK, True
    """The bytes are no picture: most often a web page."""
    TRUNCATED = "truncated", Verdict.JUNK, True
    """The picture ends early or does not decode."""
    TOO_MANY_PIXELS = "too_many_pixels", Verdict.JUNK
    """The picture has more pixels than `screen.max_pixels`, or takes more work to decode than a picture should."""
    TOO_SMALL = "too_small", Verdict.JUNK
    """The picture's shorter side is below `screen.min_side`."""
    ANIMATED = "animated", Verdict.JUNK, True
    """The file holds more than one frame."""
    PLACEHOLDER = "placeholder", Verdict.JUNK
    """What the host shows in place of a photo that is gone."""
    REPLACED = "replaced", Verdict.JUNK
    """The link shows another picture than it did, and nobody has accepted it yet."""
    DUPLICATE = "duplicate", Verdict.JUNK
    """Another link shows the same bytes."""
    NEAR_DUPLICATE = "near_duplicate", Verdict.JUNK
    """A picture that looks the same, mirrored or not, is in another split."""
    OPTED_OUT = "opted_out", Verdict.JUNK
    """The owner does not want the picture to be learnt from: `X-Robots-Tag`, or robots.txt where it is obeyed."""
    REMOVED = "removed", Verdict.JUNK
    """The link shows a picture that somebody had removed, see `regraft remove`. It is not kept, nor asked for again."""
    NOT_REQUESTED = "not_requested", Verdict.UNKNOWN
    """Nobody has asked for the link yet: the run's budget was spent, its host gave no answer at all, or the host's
    robots.txt could not be read."""

    REJECTED = "rejected", Verdict.JUNK
    """A person rejected the picture, or moved it to a category that the job does not have or cannot label it in."""
    MISFILED = "misfiled", Verdict.JUNK
    """The picture is clearly like another category's pictures, and unlike those of its own list."""
