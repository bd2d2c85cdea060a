"""The sweep of a suite: lists of values per tunable, and conditions over tunables and the op's dims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from harness.suite import where
from harness.suite.catalogue import KernelLibrary
from harness.suite.choices import read_tunable, read_variant
from harness.suite.computed_space import SpaceRequest, computed_space
from harness.suite.format import AUTHORS_SPACE
from harness.suite.nodes import Node
from harness.suite.signature import TunableValue
from harness.suite.space import authors_space, has_space
from harness.values.case import Tunables
from harness.values.suite import SweepSpace

WHERE = "where"


def read_sweep(node: Node, dims: Mapping[str, Sequence[str]], kernels: KernelLibrary) -> tuple[SweepSpace, ...]:
    """The spaces in the order of the file. dims: the names of each op's dims, which conditions may use."""
    spaces = []
    for op, by_variant in node.items():
        if op not in dims:
            raise node.key_error(op, "the model has no such op", dims)
        for variant, space in by_variant.items():
            spaces.append(_space(by_variant, op, variant, space, dims[op], kernels))
    return tuple(spaces)


def _space(parent: Node, op: str, variant: str, node: Node, dims: Sequence[str], kernels: KernelLibrary) -> SweepSpace:
    known = read_variant(parent, variant, op, kernels, key=True).tunables
    if node.value == AUTHORS_SPACE:
        node = _authors_node(op, variant, kernels)
    if not node.is_mapping:
        raise node.error(f"{node.shown} is neither lists of values nor `{AUTHORS_SPACE}`", "", [*known, AUTHORS_SPACE])
    return _declared(op, variant, node, known, dims)


def authors_sweep(op: str, variant: str, dims: Sequence[str], kernels: KernelLibrary) -> SweepSpace | None:
    """The space that a variant's author wrote beside it, for a variant that no suite sweeps; None where there is none.
    dims: as in `read_sweep`. Raises HarnessError for a mistake in it."""
    file = kernels.known_file(op, variant)
    if not has_space(file, kernels.function(op, variant)):
        return None
    known = kernels.signature(op, variant).tunables
    return _declared(op, variant, _authors_node(op, variant, kernels), known, dims)


def _authors_node(op: str, variant: str, kernels: KernelLibrary) -> Node:
    node, literal = authors_space(kernels.known_file(op, variant), kernels.function(op, variant))
    if literal:
        return node
    asked = SpaceRequest(op, variant, str(kernels.suite_folder), dict(kernels.sources))
    return computed_space(asked, kernels.root, node)


def _declared(op: str, variant: str, node: Node, known: Mapping[str, TunableValue], dims: Sequence[str]) -> SweepSpace:
    values = {}
    for name, child in node.items():
        if name == WHERE:
            continue
        if name not in known:
            raise node.key_error(name, f"{variant} has no such tunable", [*known, WHERE])
        values[name] = _values(child, known[name])
    if not values:
        raise node.error("no tunable to vary", "", known)
    conditions = node.value.get(WHERE)
    found = tuple(_condition(child, [*known, *dims]) for child in conditions.elements()) if conditions else ()
    return SweepSpace(op, variant, values, found)


def _values(node: Node, default: TunableValue) -> tuple[TunableValue, ...]:
    found: list[TunableValue] = []
    for child in node.elements():
        value = read_tunable(child, default)
        if value in found:
            raise child.error(f"{child.shown} is here twice")
        found.append(value)
    if not found:
        raise node.error("an empty list")
    return tuple(found)


def _condition(node: Node, names: Sequence[str]) -> str:
    if not isinstance(node.value, str):
        raise node.error(f"{node.shown} is not a condition")
    try:
        where.check_condition(node.value, names)
    except where.WhereError as error:
        raise node.error(str(error)) from error
    return node.value


def configurations(
    space: SweepSpace, defaults: Mapping[str, TunableValue], dims: Mapping[str, int]
) -> Iterator[Tunables]:
    """Every combination that satisfies the conditions at these sizes; the last tunable varies fastest."""
    for values in product(*space.values.values()):
        tunables = dict(zip(space.values, values, strict=True))
        if all(where.holds(condition, {**dims, **defaults, **tunables}) for condition in space.where):
            yield tunables
