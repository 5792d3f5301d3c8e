"""What the dashboard keeps of removed pictures: the reports of the versions that had them."""

from collections.abc import Collection, Iterator

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact

from regraft.tasks.dashboard.artifacts import REPORT

PAGE_SIZE = 200
"""Artifacts that a server returns at a time."""


def remove_reports(versions: Collection[str]) -> int:
    """Delete the report artifacts of some versions, which hold pictures and URLs; return how many there were.

    The versions' other artifacts hold counts and figures. Raises what Prefect's client raises where no server answers.
    """
    with get_client(sync_client=True) as client:
        reports = [artifact for artifact in _reports(client) if artifact.description in versions]
        for report in reports:
            client.delete_artifact(report.id)
    return len(reports)


def _reports(client: SyncPrefectClient) -> Iterator[Artifact]:
    """All artifacts that are reports."""
    is_report = ArtifactFilter(key=ArtifactFilterKey(like_=f"%{REPORT}"))
    offset = 0
    while page := client.read_artifacts(artifact_filter=is_report, limit=PAGE_SIZE, offset=offset):
        offset += len(page)
        yield from page
