"""The choices of an arm: per op and, where it gives them, per site and phase, with `like:` resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.suite.catalogue import PHASES, KernelLibrary
from harness.suite.format import NAME_PATTERN, TUNED
from harness.suite.inherited import LIKE, parent_of
from harness.suite.nodes import Node
from harness.suite.signature import Signature, TunableValue
from harness.values.case import SHAPE_SITE, Tunables
from harness.values.suite import Arm, Choice

DEFAULT = "default"

SitesByOp = Mapping[str, Sequence[str]]
"""The sites of each op in the model."""


def read_arms(node: Node, sites_by_op: SitesByOp, kernels: KernelLibrary) -> dict[str, Arm]:
    """The arms by name, in the order of the file. Each holds one choice for every site and phase that the arm or the
    one it is `like` decides. Everywhere else the op's own default holds, which must exist."""
    own = {}
    for name, arm in node.items():
        if not re.fullmatch(NAME_PATTERN, name):
            raise node.key_error(name, "is not a name of an arm; allowed: letters, digits, _ . + -")
        own[name] = _own_choices(arm, name, sites_by_op, kernels)
    if not own:
        raise node.error("an arm is needed")
    arms: dict[str, Arm] = {}
    for name in own:
        _resolve(name, node, own, sites_by_op, arms, ())
    for name, found in arms.items():
        _check_complete(node.value[name], found, sites_by_op, kernels)
    return {name: arms[name] for name in own}


def _own_choices(arm: Node, name: str, sites_by_op: SitesByOp, kernels: KernelLibrary) -> Arm:
    """The choices that the arm itself makes, unresolved."""
    choices = {}
    for op, value in arm.items() if arm.value is not None else ():
        if op == LIKE:
            continue
        if op not in sites_by_op:
            raise arm.key_error(op, "the model has no such op", [*sites_by_op, LIKE])
        choices[op] = tuple(_choices(value, op, sites_by_op[op], kernels, None, None))
    return Arm(name, choices)


def _choices(
    node: Node, op: str, sites: Sequence[str], kernels: KernelLibrary, site: str | None, phase: str | None
) -> list[Choice]:
    """A choice node: a variant, a variant with tunables, or a mapping by phase or site of further choices."""
    if isinstance(node.value, str):
        read_variant(node, node.value, op, kernels)
        return [Choice(node.value, {}, site, phase)]
    entries = dict(node.items())
    if not entries:
        raise node.error("no variant", "", kernels.variants(op))
    if phase is None and set(entries) & set(PHASES):
        for key in entries:
            if key not in PHASES:
                raise node.key_error(key, "unknown phase", PHASES)
        return [c for key, child in entries.items() for c in _choices(child, op, sites, kernels, site, key)]
    if site is None and set(entries) & {DEFAULT, *sites}:
        for key in entries:
            if key not in (DEFAULT, *sites):
                raise node.key_error(key, f"{op} has no such site", [DEFAULT, *sites])
        by_site = [(None if key == DEFAULT else key, child) for key, child in entries.items()]
        return [c for site, child in by_site for c in _choices(child, op, sites, kernels, site, phase)]
    if len(entries) > 1:
        raise node.key_error(list(entries)[1], "one variant is chosen here; several are chosen by site or by phase")
    [(variant, child)] = entries.items()
    signature = read_variant(node, variant, op, kernels, key=True)
    return [Choice(variant, _tunables(child, variant, signature), site, phase)]


def read_variant(node: Node, variant: str, op: str, kernels: KernelLibrary, key: bool = False) -> Signature:
    """The signature of a variant that is named at a node, or as a key of it."""
    file = kernels.variant_file(op, variant)
    if file is None:
        what = f"{op} has no variant {variant}"
        if variant.endswith(".py"):
            what = f"there is no file {kernels.suite_folder / variant}"
        names = kernels.variants(op)
        raise node.key_error(variant, what, names) if key else node.error(what, variant, names)
    return kernels.signature(op, variant)


def _tunables(node: Node, variant: str, signature: Signature) -> Tunables | str:
    known = signature.tunables
    if node.value == TUNED:
        if not known:
            raise node.error(f"{variant} has no tunables")
        return TUNED
    if not node.is_mapping:
        raise node.error(f"{node.shown} is neither tunables nor `{TUNED}`", str(node.value), [*known, TUNED])
    found: Tunables = {}
    for name, child in node.items():
        if name not in known:
            raise node.key_error(name, f"{variant} has no such tunable", known)
        found[name] = read_tunable(child, known[name])
    return found


def read_tunable(node: Node, default: TunableValue) -> TunableValue:
    """A value of the same type as the tunable's default, or None; of any type where the default is None."""
    value: Any = node.value
    if value is None or (default is None and isinstance(value, int | float | str | bool)):
        found: TunableValue = value
        return found
    if default is None:
        raise node.error(f"{node.shown} is not a number, word or truth value")
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[type(default)]
    fits = type(value) is type(default) or (type(default) is float and type(value) is int)
    if node.is_list:
        raise node.error(f"one value is wanted, {wanted}; lists belong in `sweep`")
    if not fits:
        raise node.error(f"{node.shown} is not {wanted} (the default is {default})")
    return float(value) if type(default) is float else value


def _resolve(
    name: str, node: Node, own: Mapping[str, Arm], sites_by_op: SitesByOp, arms: dict[str, Arm], below: tuple[str, ...]
) -> Arm:
    """The arm with one choice per site and phase; missing ones are taken from the arm that it is `like`."""
    if name in arms:
        return arms[name]
    like = parent_of(name, node, own, below)
    parent = _resolve(like, node, own, sites_by_op, arms, (*below, name)) if like is not None else None
    choices = {}
    for op, sites in sites_by_op.items():
        decided = [
            msgspec.structs.replace(choice, site=site, phase=phase)
            for site in sites
            for phase in PHASES
            if (choice := own[name].choice(op, site, phase) or (parent and parent.choice(op, site, phase)))
        ]
        if decided:
            choices[op] = tuple(decided)
    arms[name] = Arm(name, choices)
    return arms[name]


def _check_complete(node: Node, arm: Arm, sites_by_op: SitesByOp, kernels: KernelLibrary) -> None:
    """Check that every op has a choice or a default. A composite needs none, since its parts run where it is not
    chosen."""
    for op, sites in sites_by_op.items():
        if kernels.spec(op).op.replaces:
            continue
        phases = kernels.spec(op).op.phases
        asked = [
            (s, p) for s in sites for p in (phases if s != SHAPE_SITE else PHASES[:1])
        ]  # timed alone: as in decode
        left = [(site, phase) for site, phase in asked if arm.choice(op, site, phase) is None]
        for site, phase in left:
            default = kernels.spec(op).default.get(phase)
            if default is None:
                what = f"chooses nothing for {op} at {site} in {phase}, and the op has no default"
                raise node.error(what, "", kernels.variants(op))
            read_variant(node, default, op, kernels)
