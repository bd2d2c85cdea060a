"""The prompts of requests: token ids, recorded or drawn, that no prefix cache has seen unless the suite allows it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import CaseFailed
from harness.values.outside import HttpEngine

SEED = 0
"""Seed of drawn ids: the same prompts every day."""
HEAD = 8
"""Ids at the start of a prompt that are drawn anew for each, where no cache may know it; the ids after them stay."""
WORDS = ("the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "on", "are", "with", "as", "his", "they")
"""Words of one token each, for most tokenizers: text prompts are made of these."""


class Prompts:
    """One prompt after the other, each of the requested length."""

    def __init__(self, settings: HttpEngine, folder: Path) -> None:
        """Raises CaseFailed for a file of ids that cannot be read, or has fewer ids than a prompt."""
        self.settings = settings
        self.ids = _recorded(settings, folder) if settings.tokens else _drawn(settings)
        self._fresh = random.SystemRandom()  # two sides may ask one server: neither finds the other's prompts cached

    def __iter__(self) -> Iterator[list[int] | str]:
        while True:
            head = [self._fresh.choice(self.ids) for _ in range(min(HEAD, len(self.ids)))]
            ids = self.ids if self.settings.prefix_cache == "kept" else [*head, *self.ids[len(head) :]]
            yield " ".join(WORDS[token % len(WORDS)] for token in ids) if self.settings.prompts == "text" else ids


def _drawn(settings: HttpEngine) -> list[int]:
    generator = random.Random(SEED)
    return [generator.randrange(settings.vocabulary) for _ in range(settings.prompt_tokens)]


def _recorded(settings: HttpEngine, folder: Path) -> list[int]:
    """The start of the first stream of a file: a list of ids, a list of lists, or an exported run with its streams."""
    file = folder / settings.tokens
    try:
        document = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise CaseFailed(f"tokens: {settings.tokens}: cannot be read as JSON: {error}") from error
    ids = _first_stream(document)
    if len(ids) < settings.prompt_tokens:
        raise CaseFailed(
            f"tokens: {settings.tokens}: has {len(ids)} token ids; prompt_tokens: {settings.prompt_tokens}"
        )
    return list(ids[: settings.prompt_tokens])


def _first_stream(document: Any) -> Sequence[int]:
    if isinstance(document, dict):
        streams = document.get("streams") or document.get("run", {}).get("streams") or {}
        document = next(iter(streams.values()), [])
    while isinstance(document, list) and document and isinstance(document[0], list):
        document = document[0]
    if not isinstance(document, list) or not all(isinstance(one, int) and one >= 0 for one in document):
        raise CaseFailed("tokens: wanted a list of token ids, a list of such lists, or an exported run with streams")
    return document
