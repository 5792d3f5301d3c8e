"""What an exception that ended a request means for its link, and in which words."""

import errno
import socket
import ssl

import pytest

from regraft.web.connections import ProxyDown
from regraft.web.failures import failure_from
from regraft.web.urls import BadUrl, Blocked


@pytest.mark.parametrize(
    ("error", "reason", "detail", "may_pass", "local"),
    [
        (Blocked("it leads to 10.0.0.1"), "blocked", "it leads to 10.0.0.1", False, False),
        (BadUrl("it has no host"), "bad_url", "it has no host", False, False),
        (ProxyDown("refused"), "unreachable", "the proxy does not answer: http://proxy", True, True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "unreachable", "[Errno 104] reset", True, False),
        (ConnectionResetError(), "unreachable", "ConnectionResetError", True, False),
        (OSError(errno.EMFILE, "too many files"), "unreachable", "[Errno 24] too many files", True, True),
        (socket.gaierror(socket.EAI_NONAME, "no name"), "unreachable", "does not resolve: [Errno -2]", False, False),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "unreachable", "does not resolve: [Errno -3]", True, True),
        (ssl.SSLEOFError(8, "hung up"), "unreachable", "hung up", True, False),
        (ssl.SSLError(1, "no shared cipher"), "tls", "no shared cipher", False, False),
    ],
)
def test_what_ended_a_request_is_told_and_says_whose_fault_it_is(
    error: Exception, reason: str, detail: str, may_pass: bool, local: bool
) -> None:
    failed = failure_from(error, "http://proxy")
    assert (failed.reason, failed.may_pass, failed.local) == (reason, may_pass, local)
    assert detail in failed.detail
