"""One streamed completion, and the arrival time of each part."""

from __future__ import annotations

import http.client
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from harness.errors import CaseFailed
from harness.outside.engine import TimedOut
from harness.values.outside import HttpEngine

DONE = b"[DONE]"
COMPLETIONS = "/v1/completions"
MOST_SAID = 300
"""Characters of a server's answer in a reason."""


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
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise CaseFailed(f"url: {url}: wanted http://HOST:PORT")
        self._path = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=settings.timeout_s)

    def complete(self, prompt: list[int] | str) -> Answer:
        """Request exactly the configured number of tokens. Raises CaseFailed, TimedOut."""
        body: dict[str, Any] = {
            "model": self.settings.model, "prompt": prompt, "max_tokens": self.settings.new_tokens, "temperature": 0,
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        body |= {"ignore_eos": True} if self.settings.ignore_eos else {}
        try:
            if self._connection.sock is None:  # connecting is no part of the time to the first token
                self._connection.connect()
            return self._ask(msgspec.json.encode(body))
        except TimeoutError as error:
            raise TimedOut(f"{self.url}: stopped answering: nothing for {self.settings.timeout_s:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise CaseFailed(f"{self.url}: {type(error).__name__}: {error or 'the connection was closed'}") from error

    def _ask(self, body: bytes) -> Answer:
        asked_s = time.perf_counter()
        self._connection.request("POST", self._path + COMPLETIONS, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        if response.status != http.client.OK:
            said = response.read(MOST_SAID).decode(errors="replace")
            raise CaseFailed(f"{self.url}: answered {response.status} {response.reason}: {said}")
        return self._stream(response, asked_s)

    def _stream(self, response: http.client.HTTPResponse, asked_s: float) -> Answer:
        """Server-sent events to their end. The server's own count of tokens where it gives one, else one per part."""
        first_s = last_s = 0.0
        parts, counted, ended = 0, 0, False
        for line in response:
            now_s = time.perf_counter()
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == DONE:
                ended = True
                continue
            event = self._event(data)
            choices = event.get("choices") or ()
            ended = ended or any(choice.get("finish_reason") for choice in choices)
            if any(_has_token(choice) for choice in choices):
                first_s, last_s, parts = first_s or now_s, now_s, parts + 1
            counted = (event.get("usage") or {}).get("completion_tokens") or counted
        if not ended:
            raise CaseFailed(f"{self.url}: the stream ended without [DONE] or a finish_reason, after {parts} parts")
        return self._whole(asked_s, first_s, last_s, counted or parts)

    def _event(self, data: bytes) -> dict[str, Any]:
        try:
            event: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        except msgspec.DecodeError:
            raise CaseFailed(f"{self.url}: is no completion: {data[:MOST_SAID].decode(errors='replace')}") from None
        if event.get("error"):
            raise CaseFailed(f"{self.url}: {str(event['error'])[:MOST_SAID]}")
        return event

    def _whole(self, asked_s: float, first_s: float, last_s: float, tokens: int) -> Answer:
        if tokens != self.settings.new_tokens:
            wanted = self.settings.new_tokens
            raise CaseFailed(f"{self.url}: {tokens} of {wanted} tokens came: the model ended its text (no ignore_eos?)")
        if last_s <= first_s:
            raise CaseFailed(f"{self.url}: all tokens came in one part: it does not stream")
        return Answer(asked_s, first_s, last_s, tokens)

    def close(self) -> None:
        self._connection.close()


def _has_token(choice: dict[str, Any]) -> bool:
    """Whether a part is of a token. `transformers serve` ends a text with a part of its own, which is empty."""
    return choice.get("text") is not None and bool(choice["text"] or not choice.get("finish_reason"))
