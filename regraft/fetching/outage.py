"""Tells an outage of this machine from rot: after an outage no link is marked dead."""

from collections.abc import Collection, Sequence

from regraft.errors import OutageError
from regraft.fetching.breaker import SILENT
from regraft.links.findings import Finding
from regraft.web.urls import host_and_port_of

MIN_FAILURES = 5
"""Fewer failures than this are never an outage."""
MIN_HOSTS = 3
"""Where nothing at all answers, that is an outage only on so many hosts: one may well be gone."""
NO_ANSWER_STATUSES = (0, 502, 504)
"""No response at all, or a gateway's word that it got none."""


def check_outage(findings: Sequence[Finding], alive: Collection[str], max_share: float) -> None:
    """Raise OutageError where so many links failed because of this machine that none of them may be called dead.

    That is where more than `max_share` of the links fails for this machine's name server, proxy or network; where more
    than `max_share` of those that were `alive` at their last check give no answer at all; or where no link at all
    answers, on several hosts.
    """
    local = [finding for finding in findings if finding.local]
    requested = [finding for finding in findings if finding.attempts > 0]
    silent = [f for f in requested if f.reason in SILENT and f.http_status in NO_ANSWER_STATUSES]
    were_alive = [finding for finding in requested if finding.url in alive]
    lost = [finding for finding in silent if finding.url in alive]
    hosts = {host_and_port_of(finding.url) for finding in silent}
    if len(local) >= MIN_FAILURES and len(local) > max_share * len(findings):
        raise _outage(local, len(findings), "failed because of this machine, not of theirs")
    if len(lost) >= MIN_FAILURES and len(lost) > max_share * len(were_alive):
        raise _outage(lost, len(were_alive), "that were alive give no answer any more, all at once")
    if len(silent) == len(requested) >= MIN_FAILURES and len(hosts) >= MIN_HOSTS:
        raise _outage(silent, len(requested), f"on {len(hosts)} hosts gave no answer at all")


def _outage(failed: Sequence[Finding], links: int, how: str) -> OutageError:
    return OutageError(
        f"{len(failed)} of {links} links {how} (the first: {failed[0].detail}). This looks like an outage, not rot: "
        "the run stops, no link is marked dead, and the champion stays. Check name server, proxy and network, "
        "then run again."
    )
