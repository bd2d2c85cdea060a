"""A server of static pages on this machine alone, which brings them up to date when its first page is asked for."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from harness.errors import HarnessError

ADDRESS = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
LEAST_S = 5.0
"""Seconds between two looks at the store."""


class Pages:
    """The pages of a store in a folder. write: writes those that changed."""

    def __init__(self, folder: Path, write: Callable[[Path], object]) -> None:
        self.folder, self.write = folder, write
        self._lock = threading.Lock()
        self._looked = float("-inf")

    def fresh(self) -> None:
        """Bring the pages up to date, unless that was done a moment ago."""
        with self._lock:
            if time.monotonic() - self._looked >= LEAST_S:
                self.write(self.folder)
                self._looked = time.monotonic()


def serve(pages: Pages, port: int) -> ThreadingHTTPServer:
    """A server of the pages, which has its port. Raises OSError if the port is taken."""
    return ThreadingHTTPServer((ADDRESS, port), functools.partial(_Handler, pages))


class _Handler(SimpleHTTPRequestHandler):
    """Answers GET and HEAD with a page. Another Host than this machine's is refused: a page from elsewhere, whose name
    was pointed at 127.0.0.1, could read the store in the user's browser."""

    def __init__(self, pages: Pages, *args: Any) -> None:
        self.pages = pages
        super().__init__(*args, directory=str(pages.folder))

    def send_head(self) -> Any:
        host, _, port = self.headers.get("Host", "").partition(":")
        if host not in NAMES or port not in ("", str(self.connection.getsockname()[1])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "Open it as http://127.0.0.1")
            return None
        if self.path.split("?")[0] in ("/", "/index.html"):
            try:
                self.pages.fresh()
            except (HarnessError, OSError) as error:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, explain=str(error))
                return None
        if "\0" in unquote(self.path):  # no file can be asked for by that name
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for every page is of no use to the reader."""
