"""A small server of OpenAI's completions, run as a file of its own or in a thread.

It streams tokens with planted delays, remembers what it was asked, and can misbehave in every way that is tested."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import Any


class Stub(ThreadingHTTPServer):
    """first_s: before the first token; each_s: before each later one. how: `right`, or what is wrong with it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, first_s: float, each_s: float, how: str = "right") -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.first_s, self.each_s, self.how = first_s, each_s, how
        self.asked: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def texts(self, prompt: list[int] | str, tokens: int) -> Iterator[str]:
        """The tokens of an answer."""
        return repeat(" a", tokens)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_GET(self) -> None:
        self._plain(404 if self.server.how == "unhealthy" else 200, b"ok")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append(body)
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self._answer(body)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        how, tokens = self.server.how, int(body["max_tokens"])
        texts = self.server.texts(body["prompt"], tokens)
        if how == "dies":
            print("no memory", file=sys.stderr, flush=True)
            os._exit(9)
        if how == "strict" and "ignore_eos" in body:
            return self._plain(422, b'{"detail": "Unexpected fields in the request: ignore_eos"}')
        if how == "error":
            return self._plain(400, b'{"error": "prompt must be a string"}')
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if how == "garbage":
            return self._part(b"data: <html>\n\n")
        for number, text in zip(range(tokens - 1 if how == "short" else tokens), texts, strict=False):
            time.sleep(self.server.each_s if number else self.server.first_s)
            if how == "silent" and number == 2:
                time.sleep(60)
            if how == "cut" and number == 2:
                self.close_connection = True
                return self.connection.close()
            self._event({"choices": [{"text": text}]})
        last = [{"text": "", "finish_reason": "length"}] if how == "finishes" else []
        self._event({"choices": last, "usage": {"completion_tokens": tokens - (how == "short")}})
        if how != "finishes":
            self._part(b"data: [DONE]\n\n")
        self._part(b"")
        return None

    def _event(self, event: dict[str, Any]) -> None:
        self._part(f"data: {json.dumps(event)}\n\n".encode())

    def _part(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _plain(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(first_s: float = 0.0, each_s: float = 0.0, how: str = "right") -> Iterator[Stub]:
    stub = Stub(0, first_s, each_s, how)
    threading.Thread(target=stub.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield stub
    finally:
        stub.shutdown()
        stub.server_close()


if __name__ == "__main__":
    Stub(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:]).serve_forever()
