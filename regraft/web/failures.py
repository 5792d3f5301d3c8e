"""What an exception of the HTTP libraries means for the link that was requested."""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import urllib3

from regraft.verdicts import Reason
from regraft.web.answers import Failed
from regraft.web.bodies import ended_early
from regraft.web.urls import Blocked

THIS_MACHINES_ERRORS = (
    *(errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL),  # no network
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),  # no files, no memory
)
"""Error numbers that blame this machine, not the server."""
NAME_SERVER_ERRORS = (socket.EAI_AGAIN, socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", -11))
"""Errors of name resolution that blame this machine's name server, not the name."""
MAX_DETAIL_LENGTH = 200


def failure_from(error: Exception, proxy: str | None) -> Failed:
    """Return what an exception that ended a request means; `proxy` is the proxy that was used, if any."""
    causes = list(_causes(error))
    tunnel = next((cause for cause in causes if _is_refused_tunnel(cause)), None)
    for cause in causes:
        if isinstance(cause, urllib3.exceptions.ProxyError) and tunnel is None:
            return _unreachable(f"the proxy does not answer: {proxy}", local=True)
        if failed := _failure(cause):
            return failed
    if isinstance(tunnel, OSError):
        return _unreachable(f"the proxy could not reach it: {tunnel}")
    return _unreachable(f"{type(error).__name__}: {error}")


def _failure(cause: BaseException) -> Failed | None:
    """What one exception means by itself; None where it says too little."""
    match cause:
        case Blocked():
            return Failed(reason=Reason.BLOCKED, detail=str(cause))
        case urllib3.exceptions.LocationValueError() | UnicodeError():
            return Failed(reason=Reason.BAD_URL, detail=_shortened(cause))
        case ssl.SSLError() | ssl.CertificateError():
            return Failed(reason=Reason.TLS, detail=_shortened(cause))
        case http.client.IncompleteRead() | urllib3.exceptions.InvalidChunkLength():
            return ended_early()
        case socket.gaierror():
            local = cause.errno in NAME_SERVER_ERRORS
            detail = f"the name does not resolve: {cause}"
            return Failed(reason=Reason.UNREACHABLE, detail=detail, may_pass=local, local=local)
        case OSError() if cause.errno in THIS_MACHINES_ERRORS:
            return _unreachable(str(cause), local=True)
        case urllib3.exceptions.NewConnectionError():
            return None  # urllib3 derives it from its timeouts; the exception that it wraps says more
        case TimeoutError() | urllib3.exceptions.TimeoutError():
            return Failed(reason=Reason.TIMEOUT, detail=_shortened(cause), may_pass=True)
        case _:
            return None


def _causes(error: Exception) -> Iterator[BaseException]:
    """An exception, what it wraps in its arguments and what caused it, the outermost first."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "reason", None), getattr(cause, "original_error", None)]
        waiting += [cause.__cause__, cause.__context__, *cause.args]


def _is_refused_tunnel(cause: BaseException) -> bool:
    """Whether the proxy itself answered, and only could not reach the server."""
    return str(cause).startswith("Tunnel connection")


def _unreachable(detail: str, local: bool = False) -> Failed:
    return Failed(reason=Reason.UNREACHABLE, detail=detail[:MAX_DETAIL_LENGTH], may_pass=True, local=local)


def _shortened(cause: BaseException) -> str:
    return str(cause)[:MAX_DETAIL_LENGTH]
