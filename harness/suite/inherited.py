"""The arm whose choices another arm takes where it makes none: `like: NAME`."""

from __future__ import annotations

from collections.abc import Collection

from harness.suite.nodes import Node

LIKE = "like"


def parent_of(name: str, arms: Node, known: Collection[str], below: tuple[str, ...]) -> str | None:
    """The arm that `name` is `like`, None where it is like none. `below`: the arms that led to it.

    Raises SuiteError for an arm that does not exist, and for a circle.
    """
    arm: Node = arms.value[name]
    like: Node | None = arm.value.get(LIKE) if arm.is_mapping else None
    if like is None:
        return None
    others = [other for other in known if other != name]
    if like.value not in others:
        raise like.error(f"no other arm {like.value}", str(like.value), others)
    if like.value in below:
        raise like.error(f"a circle: {' -> '.join([*below, name, like.value])}")
    found: str = like.value
    return found
