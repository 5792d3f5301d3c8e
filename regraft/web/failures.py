"""What an exception that ended a request means for its link."""

import socket
import ssl

from regraft.verdicts import Reason
from regraft.web.answers import Failed, timed_out
from regraft.web.connections import MAX_DETAIL_LENGTH, ProxyDown
from regraft.web.racing import THIS_MACHINES_ERRORS
from regraft.web.urls import BadUrl, Blocked

NAME_SERVER_ERRORS = (socket.EAI_AGAIN, socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", -11))
"""Errors of name resolution that blame this machine's name server, not the name."""
HANGS_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""How a connection that the other side closes looks to TLS."""
PASSING_TLS_ERRORS = (
    *("TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_ALERT_USER_CANCELLED"),
    *("SSLV3_ALERT_BAD_RECORD_MAC", "TLSV1_ALERT_DECRYPT_ERROR"),
    *("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "DIGEST_CHECK_FAILED", "BAD_SIGNATURE"),
)
"""OpenSSL's names for a server that has trouble of its own, and for bytes that did not arrive as they were sent."""


def failure_from(error: Exception, proxy: str | None) -> Failed:
    """Return what an exception that ended a request means; `proxy` is the proxy that was used, if any."""
    detail = str(error)[:MAX_DETAIL_LENGTH]
    match error:
        case Blocked():
            return Failed(reason=Reason.BLOCKED, detail=detail)
        case BadUrl() | UnicodeError():
            return Failed(reason=Reason.BAD_URL, detail=detail)
        case ProxyDown():
            return _unreachable(f"the proxy does not answer: {proxy}", local=True)
        case TimeoutError():
            return timed_out(detail)
        case ssl.SSLError() if not isinstance(error, HANGS_UP):
            may_pass = getattr(error, "reason", None) in PASSING_TLS_ERRORS  # our own errors have no reason
            return Failed(reason=Reason.TLS, detail=detail, may_pass=may_pass)
        case socket.gaierror():
            local = error.errno in NAME_SERVER_ERRORS
            detail = f"the name does not resolve: {detail}"
            return Failed(reason=Reason.UNREACHABLE, detail=detail, may_pass=local, local=local)
        case OSError() if error.errno in THIS_MACHINES_ERRORS:
            return _unreachable(detail, local=True)
        case _:
            return _unreachable(detail or type(error).__name__)


def _unreachable(detail: str, local: bool = False) -> Failed:
    return Failed(reason=Reason.UNREACHABLE, detail=detail, may_pass=True, local=local)
