"""A rule that gives kernels their category, and a set of rules as a file or a suite has it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """category: its name. scopes: ops of our own decode, `op` or `op@site`. rows: copies or memsets, by their kind.

    kernels, annotations, ops: regular expressions that are searched, without regard to case, in a kernel's name
    (argument list removed), in the innermost `record_function` scope and in the launching op. examples: kernel names
    that must hit this very rule; counter_examples: names that must not.
    """

    category: str
    scopes: tuple[str, ...] = ()
    rows: tuple[Literal["copy", "memset"], ...] = ()
    kernels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules in their order. replace: the shipped rules are not used behind them."""

    rules: tuple[Rule, ...]
    replace: bool = False
