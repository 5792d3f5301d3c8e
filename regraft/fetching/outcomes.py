"""What the last answer to a request means for its link; pictures are judged and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from regraft.errors import StoreError
from regraft.identity import digest_of
from regraft.links.findings import Finding, Request, Trail
from regraft.links.removals import NO_REMOVALS, Removals
from regraft.pictures.judge import Picture, Unfit
from regraft.store.blobs import Blobs
from regraft.verdicts import Reason
from regraft.web.answers import Body, Failed, NotModified
from regraft.web.memento import flaw
from regraft.web.urls import normalised

OPT_OUT_WORDS = ("noai", "noimageai", "noindex", "none")
"""Words of X-Robots-Tag by which an owner says that pictures are not to be learnt from."""
Judge = Callable[[bytes], Picture | Unfit]
"""Tells what some bytes are."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A request under way: at which attempt it is, and what that has come to so far. One thread has it at a time."""

    number: int
    """Names the request between the worker and whoever handed it out."""
    request: Request
    """The link."""
    url: str
    """Where redirects have led."""
    redirects: int = 0
    """How many were followed in this attempt."""
    attempts: int = 0
    """How many attempts were begun."""
    failed: Failed | None = None
    """How the attempt before this one failed."""
    attempt_s: float = 0.0
    """Seconds that this attempt's requests took."""
    elapsed_s: float = 0.0
    """Seconds that all attempts' requests took."""
    is_begun: bool = False
    """Whether a request of this attempt was sent."""

    @classmethod
    def of(cls, number: int, request: Request) -> "Attempt":
        """Return the attempt with which a request begins, or goes on. Raises BadUrl, Blocked."""
        url, trail = normalised(request.first_url), request.trail
        if trail is None:
            return cls(number=number, request=request, url=url)
        return cls(
            number=number,
            request=request,
            url=url,
            redirects=trail.redirects,
            attempts=trail.attempts,
            attempt_s=trail.attempt_s,
            elapsed_s=trail.elapsed_s,
            is_begun=True,
        )

    def begin_again(self) -> None:
        """Go back, for another attempt, to where this process began."""
        trail = self.request.trail
        self.url, self.redirects = normalised(self.request.first_url), trail.redirects if trail else 0
        self.attempt_s, self.is_begun = 0.0, False

    def trail(self, lane: int | None) -> Trail:
        """Return how far it has come, for the lane that goes on with it."""
        return Trail(
            at=self.url,
            lane=lane,
            redirects=self.redirects,
            attempts=self.attempts,
            attempt_s=self.attempt_s,
            elapsed_s=self.elapsed_s,
        )


def finding_of(
    attempt: Attempt,
    answer: Body | NotModified | Failed,
    judge: Judge,
    blobs: Blobs,
    removals: Removals = NO_REMOVALS,
) -> Finding:
    """Return what came of a link, once a picture's bytes are kept; those of a picture that was removed are not."""
    finding = partial(
        Finding,
        url=attempt.request.url,
        final_url=attempt.url,
        attempts=attempt.attempts,
        elapsed_s=round(attempt.elapsed_s, 4),
    )
    match answer:
        case Failed():
            size = max(answer.bytes, attempt.request.bytes) if answer.reason is Reason.TOO_LARGE else 0
            return finding(
                reason=answer.reason,
                http_status=answer.status,
                bytes=size,
                local=answer.local,
                detail=answer.detail,
            )
        case NotModified():
            return finding(reason=attempt.request.reason, http_status=304, outcome="not_modified")
        case Body() if attempt.request.timegate:
            return _judged_memento(partial(finding, http_status=answer.status), attempt, answer, judge, blobs, removals)
        case Body():
            return _judged(partial(finding, http_status=answer.status), answer, judge, blobs, removals)
        case _:
            assert_never(answer)


def fault(attempt: Attempt, error: Exception) -> Finding:
    """Return the finding of a link whose request went wrong in a way that nobody has thought of.

    Where it is the store that failed, the link is to be asked again: what is known of it stays known.
    """
    return Finding(
        outcome="skipped" if isinstance(error, StoreError) else "fetched",
        url=attempt.request.url,
        reason=Reason.UNREACHABLE,
        attempts=max(1, attempt.attempts),  # it went wrong within one
        local=True,
        detail=str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"[:200],
    )


def _judged_memento(
    finding: Callable[..., Finding], attempt: Attempt, body: Body, judge: Judge, blobs: Blobs, removals: Removals
) -> Finding:
    """What a web archive's answer is: a picture only where it is a memento of the link."""
    if wrong := flaw(body.memento, attempt.url, attempt.request.url):
        return finding(reason=Reason.NOT_AN_IMAGE, detail=wrong)
    return _judged(partial(finding, memento_at=body.memento and body.memento.at), body, judge, blobs, removals)


def _judged(finding: Callable[..., Finding], body: Body, judge: Judge, blobs: Blobs, removals: Removals) -> Finding:
    """What a body's bytes are, once a picture is kept; `finding` makes the finding of its link."""
    if removals and removals.has_picture(digest_of(body.data)):
        return finding(reason=Reason.REMOVED, detail="it shows a picture that somebody had removed")
    if body.robots and any(word.strip() in OPT_OUT_WORDS for word in body.robots.replace(":", ",").split(",")):
        return finding(reason=Reason.OPTED_OUT, detail=f"X-Robots-Tag: {body.robots}")
    picture = judge(body.data)
    sized = partial(
        finding,
        bytes=len(body.data),
        etag=body.etag,
        last_modified=body.last_modified,
        width=picture.width,
        height=picture.height,
    )
    match picture:
        case Unfit():
            return sized(reason=picture.reason, detail=picture.detail)
        case Picture() if removals and removals.has_copy(picture.phash, digest_of(body.data)):
            return finding(reason=Reason.REMOVED, detail="it shows a copy of a picture that somebody had removed")
        case Picture():
            return sized(digest=blobs.put(body.data), phash=picture.phash)
        case _:
            assert_never(picture)
