"""Titles of traces beside each other: the part of their paths in which they differ."""

from __future__ import annotations

import re
from collections.abc import Sequence


def told_apart(titles: Sequence[str]) -> list[str]:
    """Base names where those differ, otherwise the paths without the folders that all share. The same file twice has
    one title twice."""
    parts = [re.split(r"[/\\\\]|(?<=[^/]):(?=[^/])", title) for title in titles]
    names = [found[-1] for found in parts]
    if len(set(names)) == len(set(titles)):
        return names
    shared = 0
    while all(len(found) > shared + 1 for found in parts) and len({found[shared] for found in parts}) == 1:
        shared += 1
    return ["/".join(found[shared:]) for found in parts]
