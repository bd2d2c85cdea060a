"""One server-sent event of a streamed completion, as OpenAI's API has them."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class Choice(msgspec.Struct, frozen=True):
    text: str | None = None
    finish_reason: Any = None


class Usage(msgspec.Struct, frozen=True):
    completion_tokens: int | None = None


class Event(msgspec.Struct, frozen=True):
    """The parts of an event that are looked at."""

    choices: tuple[Choice, ...] | None = ()
    usage: Usage | None = None
    error: Any = None


def event_of(data: bytes) -> Event:
    """Also of what Python's `json` writes or reads and the standard has not: NaN, half characters, which a server makes
    that cuts its text by tokens. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(data, type=Event)
    except msgspec.ValidationError:
        raise
    except ValueError:
        return msgspec.convert(json.loads(data.decode(errors="replace")), Event)
