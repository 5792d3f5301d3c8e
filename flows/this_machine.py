"""This machine and who uses it: what the command line and the pages both ask the system."""

import getpass
import ipaddress

from regraft.identity import is_address
from regraft.process import THIS_MACHINE


def user_name() -> str:
    """Return the name of who is logged in; "" where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what is served at an address or a name, for certain.

    A name may mean anything, except `localhost`.
    """
    return host in THIS_MACHINE or (is_address(host) and ipaddress.ip_address(host).is_loopback)
