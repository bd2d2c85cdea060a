"""A server that is started for a measurement: a free port, a health check, and an end of all its processes."""

from __future__ import annotations

import http.client
import shlex
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import CaseFailed
from harness.outside.engine import TimedOut
from harness.outside.group import Group
from harness.outside.http.address import address_of
from harness.values.outside import HttpEngine

PORT = "{port}"
Ending = Callable[[float], str]
"""A function of the seconds to wait: how a server ended; empty while it runs."""
POLL_S = 0.1
HEALTH_LIMIT_S = 5.0
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""As the clients ask: past the proxy that an environment names."""


@contextmanager
def started(settings: HttpEngine, folder: Path) -> Iterator[tuple[str, Ending]]:
    """The URL of a server that answers, and the function that tells how it ended. A server that the user runs is
    checked once. Raises CaseFailed, TimedOut."""
    if not settings.start:
        _wait(settings.url, settings, lambda _: "", limit_s=HEALTH_LIMIT_S)
        yield settings.url, lambda _: ""
        return
    port = _free_port()
    url = (settings.url or f"http://127.0.0.1:{PORT}").replace(PORT, str(port))
    words = shlex.split(settings.start.replace(PORT, str(port)))
    with Group(words, folder, settings.env) as group:

        def ending(limit_s: float) -> str:
            return f"{words[0]} {group.ending or 'ended'}" if group.ends_within(limit_s) else ""

        _wait(url, settings, ending, settings.start_limit_s)
        yield url, ending


def _wait(url: str, settings: HttpEngine, ending: Ending, limit_s: float) -> None:
    """Wait until the server reports that it is ready."""
    address_of(url)
    address, begin, last = url.rstrip("/") + settings.health, time.monotonic(), "no answer"
    while True:
        if how := ending(0):
            raise CaseFailed(f"the server ended before it was ready: {how}")
        try:
            with DIRECTLY.open(address, timeout=HEALTH_LIMIT_S):
                return
        except urllib.error.HTTPError as error:
            last = f"{error.code} {error.reason}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            last = str(getattr(error, "reason", "") or f"{type(error).__name__}: {str(error).strip()}")
        if not settings.start:
            raise CaseFailed(f"{address}: {last}; is the server running? (health: another path, where it has no such)")
        if time.monotonic() - begin > limit_s:
            raise TimedOut(f"{address}: not ready after {limit_s:g} s: {last}")
        time.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
