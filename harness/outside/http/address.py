"""The address of a server, from its URL."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from harness.errors import CaseFailed


class Address(NamedTuple):
    host: str
    port: int
    path: str
    """Without a slash at its end."""


def address_of(url: str) -> Address:
    """Raises CaseFailed for anything but http://HOST:PORT, with a path or not."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme != "http":
        raise CaseFailed(f"url: {url}: wanted http://HOST:PORT")
    return Address(host, port or 80, parts.path.rstrip("/"))
