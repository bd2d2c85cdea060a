"""`engine: http`: a server with OpenAI's API for completions, under requests of several clients at once."""

from __future__ import annotations

from harness.outside.http.engine import opened

__all__ = ["opened"]
