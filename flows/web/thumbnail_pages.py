"""/thumbnails/small/DIGEST.jpg: a picture made small and encoded anew, never the bytes that were fetched."""

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from regraft.flows.web.site import SiteOf
from regraft.flows.web.thumbnails import Side
from regraft.identity import DIGEST, Digest

router = APIRouter()
DigestOf = Annotated[str, Path(pattern=f"^{DIGEST.pattern}$")]
"""A picture's digest, as a part of a path."""
KEEP = "private, max-age=86400, immutable"
"""How long a browser may keep a thumbnail: a day, as a picture may be removed. Its bytes never change."""


@router.get("/thumbnails/{side}/{digest}.jpg")
def thumbnail(site: SiteOf, side: Side, digest: DigestOf, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a thumbnail. Raises PictureError where there is none."""
    headers = {"ETag": f'"{digest[:32]}-{side}"', "Cache-Control": KEEP}
    if if_none_match == headers["ETag"] and site.store.blobs.has(Digest(digest)):
        return Response(status_code=304, headers=headers)
    return Response(site.thumbnails.get(Digest(digest), side), media_type="image/jpeg", headers=headers)
