"""The curator's pages on a port, until somebody stops them."""

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from regraft.errors import ConfigError, StoreError
from regraft.flows.this_machine import is_loopback
from regraft.flows.web.access import Access
from regraft.flows.web.app import curator
from regraft.store.store import Store
from regraft.upkeep.purge import AskPrefect

MIN_TOKEN_LENGTH = 16
STOP_S = 2
"""Seconds that answers under way have once the server is stopped."""
NOT_OURS = "That is no address of this machine: choose another with --host."
ADVICE = {
    errno.EADDRNOTAVAIL: NOT_OURS,
    errno.EINVAL: NOT_OURS,
    errno.EADDRINUSE: "Something listens there already: choose another with --port.",
    errno.EACCES: "Ports below 1024 are for the administrator: choose another with --port.",
}
"""What helps where a port cannot be used."""


def serve(
    store: Store,
    host: str,
    port: int,
    token: str | None,
    on_ready: Callable[[str], None],
    ask_prefect: AskPrefect | None = None,
) -> None:
    """Serve a store's pages at an address of this machine until a signal ends them; port 0 is any that is free.

    `on_ready` is called with the pages' URL; `ask_prefect`, see `upkeep.purge`, where something is removed. Raises
    ConfigError where `host` is no address, and where other machines could come in without a token, or with one that can
    be guessed; StoreError where the port cannot be used.
    """
    address_info = _address_info(host, port)
    check_access(host, token)
    with _listening(address_info) as listener:
        address, number = listener.getsockname()[:2]
        name = f"[{address}]" if ":" in address else address
        config = uvicorn.Config(
            curator(store, Access(token, host), ask_prefect, prepares=True),
            log_level="error",
            server_header=False,
            proxy_headers=False,  # who asks is who has connected, whatever a header says
            timeout_graceful_shutdown=STOP_S,
        )
        on_ready(f"http://{name}:{number}")
        uvicorn.Server(config).run(sockets=[listener])


def check_access(host: str, token: str | None) -> None:
    """Raise ConfigError where pages at an address would be open to other machines without a good token."""
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"At {host} other machines could see all pictures and decide about them. Set a token for them to log in "
            "with, in the variable REGRAFT_TOKEN or with --token, or serve this machine alone, without --host."
        )
    if token is not None and len(token) < MIN_TOKEN_LENGTH:
        raise ConfigError(
            f"The token has {len(token)} characters and could be guessed: it takes {MIN_TOKEN_LENGTH} or more, "
            "such as those of `openssl rand -hex 16`."
        )


def _address_info(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """The family and the address that a host and a port are. Raises ConfigError where they are none."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name looks like that"
        raise ConfigError(
            f"--host {host!r} is no address and no name of this machine ({reason}). Give one such as 127.0.0.1, for "
            "this machine's own browser, or 0.0.0.0, with a token, for a network."
        ) from error
    return family, address


def _listening(address_info: tuple[socket.AddressFamily, tuple[Any, ...]]) -> socket.socket:
    """A socket that listens at an address. Raises StoreError where it cannot."""
    family, (host, port, *_) = address_info
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "Choose another with --host or --port.")
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(f"Port {port} of {host} cannot be used ({reason}). {advice}") from error
