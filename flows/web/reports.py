"""/VERSION/report.html and a few more files of a version, as they were published."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from regraft.errors import VersionError
from regraft.flows.web.site import SiteOf
from regraft.store import versions
from regraft.store.version import VERSION_NAME

router = APIRouter()
CONTENT_TYPES = {
    "report.html": "text/html; charset=utf-8",
    "MODEL_CARD.md": "text/plain; charset=utf-8",
    "metrics.json": "application/json",
    "run.json": "application/json",
}
"""The files that are served, and the Content-Type that they are served with."""
SECURITY_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A report holds its pictures and its style in itself."""
NameOf = Annotated[str, Path(pattern=rf"^{VERSION_NAME.pattern}$")]


@router.get("/{name}/{file}")
def report(site: SiteOf, name: NameOf, file: str) -> Response:
    """Return a file of a version. Raises VersionError where there is no such version, or no such file."""
    if file not in CONTENT_TYPES:
        raise VersionError(
            f"Of a version these files are served: {', '.join(CONTENT_TYPES)}; {file!r} is none of them."
        )
    data = versions.version(site.store, name).read(file)
    return Response(data, media_type=CONTENT_TYPES[file], headers={"Content-Security-Policy": SECURITY_POLICY})
