"""One streamed completion, and the arrival time of each part."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import msgspec

from harness.errors import CaseFailed
from harness.outside.engine import TimedOut
from harness.outside.http.address import address_of
from harness.outside.http.events import Choice, Event, event_of
from harness.values.outside import HttpEngine

DONE = b"[DONE]"
COMPLETIONS = "/v1/completions"
MOST_SAID = 300
"""Characters of a server's answer in a reason."""
MOST_LINE = 16 << 20
"""Bytes of a line of a stream."""
END_S = 1.0
"""Seconds until a connection is given up that does not end after its last event."""
MORE_PARTS = 64
"""Parts without a token of their own that a stream may have: empty ones, and those of a token cut in pieces."""


class Answer(NamedTuple):
    """A completion. Times by `time.perf_counter`: of the request, of the first token and of the last."""

    asked_s: float
    first_s: float
    last_s: float
    tokens: int

    @property
    def ttft_us(self) -> float:
        return (self.first_s - self.asked_s) * 1e6

    @property
    def tpot_us(self) -> float:
        """Mean time between tokens, whatever number of them arrives at once."""
        return (self.last_s - self.first_s) * 1e6 / (self.tokens - 1)

    @property
    def request_us(self) -> float:
        """Time of the whole answer, per token."""
        return (self.last_s - self.asked_s) * 1e6 / self.tokens


class Client:
    """A connection that is kept for one request after the other."""

    def __init__(self, url: str, settings: HttpEngine) -> None:
        """Raises CaseFailed for another kind of URL."""
        self.url, self.settings = url, settings
        self._address = address_of(url)
        host, port = self._address.host, self._address.port
        self._connection = http.client.HTTPConnection(host, port, timeout=settings.timeout_s)
        self._given_up = False

    def complete(self, prompt: list[int] | str) -> Answer:
        """Request exactly the configured number of tokens. Raises CaseFailed, TimedOut."""
        body: dict[str, Any] = {
            "model": self.settings.model, "prompt": prompt, "max_tokens": self.settings.new_tokens, "temperature": 0,
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        body |= {"ignore_eos": True} if self.settings.ignore_eos else {}
        text = msgspec.json.encode(body)
        if self._given_up:
            raise CaseFailed(f"{self.url}: given up")
        try:
            kept = self._connection.sock is not None
            try:
                return self._ask(text)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if not kept or self._given_up:
                    raise
            self._connection.close()  # the server had closed a connection that was kept: not an answer to this request
            return self._ask(text)
        except TimeoutError as error:
            raise TimedOut(f"{self.url}: stopped answering: nothing for {self.settings.timeout_s:g} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise CaseFailed(f"{self.url}: {type(error).__name__}: {error or 'the connection was closed'}") from error

    def _ask(self, body: bytes) -> Answer:
        if self._connection.sock is None:  # connecting is no part of the time to the first token
            self._connection.connect()
        asked_s = time.perf_counter()
        path = self._address.path + COMPLETIONS
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        if response.status != http.client.OK:
            place = response.getheader("Location")
            said = f"see {place}" if place else response.read(MOST_SAID).decode(errors="replace")
            raise CaseFailed(f"{self.url}: answered {response.status} {response.reason}: {said}")
        return self._stream(response, asked_s)

    def _stream(self, response: http.client.HTTPResponse, asked_s: float) -> Answer:
        """Server-sent events to their end. The server's own count of tokens where it gives one, else one per part."""
        first_s = last_s = 0.0
        parts, counted, ended, other = 0, 0, False, b""
        for line in iter(partial(response.readline, MOST_LINE), b""):
            now_s, data = time.perf_counter(), line[5:].strip()
            if now_s - (last_s or asked_s) > self.settings.timeout_s:
                raise TimeoutError  # comments that keep the connection are no token
            if len(line) == MOST_LINE:
                raise CaseFailed(f"{self.url}: a line of more than {MOST_LINE >> 20} MiB")
            if not line.startswith(b"data:"):
                other = other or line.strip()
                continue
            if data == DONE:
                ended = True
                break
            event = self._event(data)
            ended = ended or any(choice.finish_reason for choice in event.choices or ())
            if any(map(_has_token, event.choices or ())):
                first_s, last_s, parts = first_s or now_s, now_s, parts + 1
            counted = (event.usage and event.usage.completion_tokens) or counted
            if parts > 2 * self.settings.new_tokens + MORE_PARTS:
                raise CaseFailed(
                    f"{self.url}: goes on after {parts} parts; asked for {self.settings.new_tokens} tokens"
                )
        self._end_of(response)
        if not ended and not parts:
            kind, said = response.getheader("Content-Type") or "no type", other[:MOST_SAID].decode(errors="replace")
            raise CaseFailed(f"{self.url}: answered {kind}, no stream of completions: {said or 'it is empty'}")
        if not ended:
            raise CaseFailed(f"{self.url}: the stream ended without [DONE] or a finish_reason, after {parts} parts")
        return self._whole(asked_s, first_s, last_s, counted or parts)

    def _end_of(self, response: http.client.HTTPResponse) -> None:
        """Read what follows [DONE], without which the connection is not free. One that a server leaves open without an
        end is given up."""
        sock = self._connection.sock
        if sock is not None:
            sock.settimeout(END_S)
            with suppress(OSError, http.client.HTTPException):
                response.read(MOST_SAID)
            sock.settimeout(self.settings.timeout_s)
        if not response.isclosed():
            response.close()
            self._connection.close()

    def _event(self, data: bytes) -> Event:
        try:
            event = event_of(data)
        except ValueError:
            raise CaseFailed(f"{self.url}: is no completion: {data[:MOST_SAID].decode(errors='replace')}") from None
        if event.error:
            raise CaseFailed(f"{self.url}: {str(event.error)[:MOST_SAID]}")
        return event

    def _whole(self, asked_s: float, first_s: float, last_s: float, tokens: int) -> Answer:
        if tokens != self.settings.new_tokens:
            why = "the model ended its text (no ignore_eos?)"
            if tokens > self.settings.new_tokens:
                why = "the server does not keep to max_tokens"
            raise CaseFailed(f"{self.url}: {tokens} of {self.settings.new_tokens} tokens came: {why}")
        if not first_s:
            raise CaseFailed(f"{self.url}: no part of the stream has a text")
        if last_s <= first_s:
            raise CaseFailed(f"{self.url}: all tokens came in one part: it does not stream")
        return Answer(asked_s, first_s, last_s, tokens)

    def close(self) -> None:
        self._connection.close()

    def give_up(self) -> None:
        """End a request that another thread waits for."""
        self._given_up = True
        if self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


def _has_token(choice: Choice) -> bool:
    """Whether a part is of a token. `transformers serve` ends a text with a part of its own, which is empty."""
    return choice.text is not None and bool(choice.text or not choice.finish_reason)
