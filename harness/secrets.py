"""Removes passwords from displayed URLs, and secrets from the environment of measured code."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "***"
_USER_PASSWORD = re.compile(r"(\w+:/{1,2}[^:@/\s]*):\S*@")
"""With one slash, too: that is a URL which somebody gave where a path is taken."""
_QUERY_PASSWORD = re.compile(r"([?&](?:password|sslpassword|passfile)=)[^&\s]*", re.IGNORECASE)

WITHHELD = re.compile(r"HARNESS_(STORE|SHARED)|PG[A-Z]+|(GITHUB|GH|CI_JOB)_TOKEN|ACTIONS_\w*TOKEN")
"""Variables that name the stores of a team or open them, and those with which a CI job acts for its repository. Their
owner can rewrite measurements. A kernel is somebody's code and needs none."""


def masked(text: str) -> str:
    """The text with the password of each URL in it hidden, wherever it stands: before the host or in the query."""
    return _QUERY_PASSWORD.sub(rf"\1{HIDDEN}", _USER_PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def withheld(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for code under test: without the variables of WITHHELD."""
    return {name: value for name, value in environment.items() if not WITHHELD.fullmatch(name)}
