"""`harness schema`: the format of a suite as JSON Schema, for editors."""

from __future__ import annotations


def command() -> None:
    """Print the JSON Schema of the suite format."""
    from harness.suite.format import schema_text

    print(schema_text(), end="")
