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

REFUSALS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "busy": (429, {"Retry-After": "3"}, b'{"error": "too many requests"}'),
    "moved": (307, {"Location": "http://elsewhere/v1/completions"}, b""),
    "whole": (200, {"Content-Type": "application/json"}, b'{"choices": [{"text": "a a a a a a a a"}]}'),
    "empty": (200, {"Content-Type": "text/event-stream"}, b""),
}
"""Answers that are no stream."""
EVENTS = {
    "garbage": b"data: <html>\n\n",
    "list": b'data: {"choices": [1, 2]}\n\n',
    "usage": b'data: {"choices": [], "usage": 7}\n\n',
    "chat": b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": 8}}\n\n',
    "overloaded": b'data: {"error": {"message": "overloaded"}}\n\n',
}
"""First events that are no completion."""


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
    raw = False
    """Its answer has neither a length nor chunks: it ends with the connection."""
    answered = False

    def do_GET(self) -> None:
        if self.server.how == "no http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            self.close_connection = True
            return
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
        if how in REFUSALS:
            status, more, words = REFUSALS[how]
            return self._plain(status, words, **more)
        if how == "hangs up" and self.answered:  # of an idle connection, without a word
            self.close_connection = True
            return self.connection.close()
        self.answered = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if how not in ("closes", "stays open"):
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.raw = how in ("closes", "stays open")
        if how in EVENTS:
            return self._part(EVENTS[how], b"")
        while how == "pings":
            self._part(b": still here\n\n")
            time.sleep(0.05)
        while how == "endless":
            self._event({"choices": [{"text": " a"}]})
        for number, text in zip(range(tokens - 1 if how == "short" else tokens), texts, strict=False):
            time.sleep(self.server.each_s if number else self.server.first_s)
            if how == "silent" and number == 2:
                time.sleep(60)
            if how == "cut" and number == 2:
                self.close_connection = True
                return self.connection.close()
            if how == "cut characters":  # half of a character a part, its bytes in chunks of their own, comments, CRLF
                for piece in (
                    b": ping\r\n\r\nda",
                    b'ta:{"choices": [{"text": "',
                    b"\xf0\x9f",
                    b'"}], "x": NaN}\r',
                    b"\n\r\n",
                ):
                    self._part(piece)
                continue
            self._event({"choices": [{"text": text}]})
        if how == "more":
            self._event({"choices": [{"text": " a"}]})
        if how in ("closes", "more", "hangs up", "cut characters"):  # and none of these counts its tokens
            return self._part(b"data:[DONE]\n\n", b"")
        if how == "stays open":
            self._part(b"data: [DONE]\n\n")
            return time.sleep(5)
        last = [{"text": "", "finish_reason": "length"}] if how == "finishes" else []
        self._event({"choices": last, "usage": {"completion_tokens": tokens - (how == "short")}})
        if how != "finishes":
            self._part(b"data: [DONE]\n\n")
        self._part(b"")
        return None

    def _event(self, event: dict[str, Any]) -> None:
        self._part(f"data: {json.dumps(event)}\n\n".encode())

    def _part(self, *parts: bytes) -> None:
        for data in parts:
            self.wfile.write(data if self.raw else b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.close_connection = self.raw

    def _plain(self, status: int, body: bytes, **more: str) -> None:
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
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
