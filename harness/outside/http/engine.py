"""Several clients at once, each with one request after the other, and the figures of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from harness.errors import CaseFailed
from harness.outside.engine import Found, Measuring
from harness.outside.http.prompts import Prompts
from harness.outside.http.request import Answer, Client
from harness.outside.http.server import Ending, started
from harness.values.case import AxisValue
from harness.values.outside import HTTP_FIGURES, HttpEngine

LAST_WORDS_S = 1.0
"""A server that closed its connections may not have ended yet."""


@contextmanager
def opened(settings: HttpEngine, folder: Path) -> Iterator[Measuring]:
    prompts = Prompts(settings, folder)
    with started(settings, folder) as (url, ending):
        yield _Server(url, ending, settings, prompts)


class _Server:
    def __init__(self, url: str, ending: Ending, settings: HttpEngine, prompts: Prompts) -> None:
        self.url, self.ending, self.settings, self.prompts = url, ending, settings, prompts

    def measure(self, axes: Mapping[str, AxisValue], check: bool) -> Found:
        """One window. Each client first sends one untimed request: the server compiles, and captures, for this many at
        once."""
        clients = int(axes["concurrency"])
        warm = self._window(clients, 1)
        answers = self._window(clients, 1 if check else self.settings.requests)
        wall_us = 1e6 * (max(a.last_s for a in answers) - min(a.asked_s for a in answers))
        values: dict[str, list[float] | str] = {
            "ttft": [answer.ttft_us for answer in answers],
            "tpot": [answer.tpot_us for answer in answers],
            "request": [answer.request_us for answer in answers],
            "total": [wall_us / sum(answer.tokens for answer in answers)],
        }
        done = sum(answer.tokens for answer in (*warm, *answers))
        return Found(values, dict.fromkeys(HTTP_FIGURES, "client"), work=("total", done))

    def _window(self, clients: int, requests: int) -> list[Answer]:
        """Every answer. The first failure fails the window, since it ran beside the other requests."""
        prompts = iter(self.prompts)
        asked = [list(islice(prompts, requests)) for _ in range(clients)]
        connections = [Client(self.url, self.settings) for _ in asked]
        try:
            with ThreadPoolExecutor(clients) as pool:
                try:
                    futures = [pool.submit(_answers, *one) for one in zip(connections, asked, strict=True)]
                    return [answer for future in futures for answer in future.result()]
                except BaseException:  # ^C, too: nobody waits until the other requests have had their time
                    for connection in connections:
                        connection.give_up()
                    raise
        except CaseFailed as error:
            if how := self.ending(LAST_WORDS_S):
                raise CaseFailed(f"the server ended: {how}") from error
            raise
        except RuntimeError as error:
            raise CaseFailed(f"{clients} clients at once: {error}") from error


def _answers(client: Client, prompts: list[list[int] | str]) -> list[Answer]:
    """One after the other."""
    try:
        return [client.complete(prompt) for prompt in prompts]
    finally:
        client.close()
