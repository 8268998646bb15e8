"""Who may look at the sandbox and drive it: this machine only, and no web page. Pure."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

# A proxy on this machine makes every caller look local; what it forwards is not.
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST")

_HOST = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::\d+)?")


def refuse_others(host: str, insecure_bind: bool) -> None:
    """Raise ValueError for an address that others could reach, unless that is meant."""
    if not insecure_bind and not is_loopback(host):
        raise ValueError(f"{host} is not loopback: others could reach the sandbox; add --insecure-bind to mean it")


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address, is this machine and can be nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(environ: Mapping[str, Any]) -> bool:
    """Whether a request comes from this machine, and was meant for it.

    The peer's address alone does not do: a web page can point its own name at 127.0.0.1 (DNS rebinding), and then the
    browser is the peer; but it still sends the page's name as Host.
    """
    if any(name in environ for name in FORWARDED):
        return False
    return is_loopback(environ.get("REMOTE_ADDR", "")) and is_loopback(_name(environ.get("HTTP_HOST", "")))


def _name(host: str) -> str:
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]) if found else ""
