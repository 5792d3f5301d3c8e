"""Tells an outage of this machine from rot: after an outage no link is marked dead."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from regraft.errors import OutageError
from regraft.links.findings import Finding
from regraft.verdicts import Reason
from regraft.web.urls import host_and_port_of

MIN_FAILURES = 5
"""Fewer failures than this are never an outage."""
MIN_HOSTS = 3
"""Where nothing at all answers, that is an outage only on so many hosts: one may well be gone."""
SILENT = (Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS)
"""Failures without an answer. An error page is an answer: it says that the host is there."""
NO_ANSWER_STATUSES = (0, 502, 504)
"""No response at all, or a gateway's word that it got none."""


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How many links of a part of a run failed in a way that may be this machine's fault, and of how many."""

    links: int = 0
    """Links that were requested, or not for this machine's own part in it."""
    local: int = 0
    """Those that failed for this machine's name server, proxy or network."""
    requested: int = 0
    """Links that were requested."""
    silent: int = 0
    """Those that gave no answer at all."""
    silent_hosts: frozenset[str] = frozenset()
    """Their hosts, MIN_HOSTS of them at most."""
    were_alive: int = 0
    """Requested links that were alive at their last check."""
    lost: int = 0
    """Those that gave no answer at all."""
    detail: str = ""
    """What went wrong with the first."""

    @classmethod
    def of(cls, findings: Sequence[Finding], alive: Collection[str]) -> "Failures":
        """Count them; `alive` are the links that were alive at their last check."""
        requested = [finding for finding in findings if finding.attempts > 0]
        silent = [finding for finding in requested if is_silent(finding)]
        local = [finding for finding in findings if finding.local]
        hosts = sorted({host_and_port_of(finding.url) for finding in silent})
        return cls(
            links=sum(finding.outcome != "skipped" or finding.local for finding in findings),
            local=len(local),
            requested=len(requested),
            silent=len(silent),
            silent_hosts=frozenset(hosts[:MIN_HOSTS]),
            were_alive=sum(finding.url in alive for finding in requested),
            lost=sum(finding.url in alive for finding in silent),
            detail=next((finding.detail for finding in [*local, *silent]), ""),
        )

    def and_answers(self, links: int, alive: int) -> "Failures":
        """Return the counts together with links that answered the run that was cut off, and are not asked again.

        `alive` of them show a picture. What is left to ask are mostly links that give no answer.
        """
        return replace(
            self, links=self.links + links, requested=self.requested + links, were_alive=self.were_alive + alive
        )

    @classmethod
    def sum(cls, parts: "Iterable[Failures]") -> "Failures":
        """Return the counts of all parts together."""
        known = list(parts)
        hosts = sorted({host for part in known for host in part.silent_hosts})
        return cls(
            links=sum(part.links for part in known),
            local=sum(part.local for part in known),
            requested=sum(part.requested for part in known),
            silent=sum(part.silent for part in known),
            silent_hosts=frozenset(hosts[:MIN_HOSTS]),
            were_alive=sum(part.were_alive for part in known),
            lost=sum(part.lost for part in known),
            detail=next((part.detail for part in known if part.detail), ""),
        )


def is_silent(finding: Finding) -> bool:
    """Return whether a link gave no answer at all, so that it may be this machine that is down and not its server."""
    return finding.reason in SILENT and finding.http_status in NO_ANSWER_STATUSES


def check_outage(failures: Failures, max_share: float) -> None:
    """Raise OutageError where so many links failed because of this machine that none of them may be called dead.

    That is where more than `max_share` of the links fails for this machine's name server, proxy or network; where more
    than `max_share` of those that were alive at their last check give no answer at all; or where no link at all
    answers, on several hosts.
    """
    check_this_machine(failures, max_share)
    if failures.lost >= MIN_FAILURES and failures.lost > max_share * failures.were_alive:
        how = "that were alive give no answer any more, all at once"
        raise _outage(failures.lost, failures.were_alive, how, failures.detail)
    has_answer = failures.silent < failures.requested
    if not has_answer and failures.silent >= MIN_FAILURES and len(failures.silent_hosts) >= MIN_HOSTS:
        how = f"on {MIN_HOSTS} hosts or more gave no answer at all"
        raise _outage(failures.silent, failures.requested, how, failures.detail)


def check_this_machine(failures: Failures, max_share: float) -> None:
    """Raise OutageError where more than `max_share` of the links fails for this machine's own part in it."""
    if failures.local >= MIN_FAILURES and failures.local > max_share * failures.links:
        how = "failed because of this machine, not of theirs"
        raise _outage(failures.local, failures.links, how, failures.detail)


def _outage(failed: int, links: int, how: str, detail: str) -> OutageError:
    return OutageError(
        f"{failed} of {links} links {how} (the first: {detail}). This looks like an outage, not rot: the run stops, no "
        "link is marked dead, and the champion stays. Check name server, proxy and network, then run again."
    )
