"""Sizes at which an imported problem fits a CPU: as small as the problem itself works at, then odd ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

FLOOR, FLOOR_BATCH = 16, 2
BATCH_WORDS = ("batch", "tokens")
ODD = (1, 3, -1)
"""Offsets to a small size; the first that works is used: kernels forget the last block where no block divides the
size."""
DEEPEST = 24

Dims = dict[str, int]
Works = Callable[[Mapping[str, int]], bool]


def small_sizes(dims: Mapping[str, int], works: Works, known_to_work: bool = True) -> list[Dims]:
    """One or two shapes. dims: the problem's own sizes. works: whether it runs at some sizes; cheap for small ones.

    With `known_to_work` it runs at its own sizes, so each size can be shrunk alone. Otherwise all are shrunk together,
    from the smallest, since its own may not fit into memory.
    """
    return _with_odd(_one_by_one(dims, works) if known_to_work else _together(dims, works), works)


def larger_sizes(small: Mapping[str, int], dims: Mapping[str, int], works: Works) -> list[Dims]:
    """The small sizes doubled, up to the problem's own; none where that does not work either."""
    doubled = {name: max(value, min(2 * value, dims[name])) for name, value in small.items()}
    return _with_odd(doubled, works) if doubled != small and works(doubled) else []


def _with_odd(small: Dims, works: Works) -> list[Dims]:
    odd = dict(small)
    for name, value in small.items():
        for more in ODD:
            if value + more > 0 and works({**odd, name: value + more}):
                odd[name] = value + more
                break
    return [small] if odd == small else [small, odd]


def _one_by_one(dims: Mapping[str, int], works: Works) -> Dims:
    """Each size halved as often as possible, the largest first, twice over: one size may depend on another. Sizes that
    are equal in the problem may have to stay equal."""
    small = dict(dims)
    for _ in range(2):
        for name in sorted(small, key=lambda n: -small[n]):
            alike = [other for other, value in small.items() if value == small[name]]
            for value in _halves(name, small[name]):
                alone, together = {**small, name: value}, {**small, **dict.fromkeys(alike, value)}
                if works(alone) or works(together):
                    small = alone if works(alone) else together
                    break
    return small


def _together(dims: Mapping[str, int], works: Works) -> Dims:
    for shift in range(DEEPEST, 0, -1):
        small = {name: max(min(value, _floor(name)), value >> shift) for name, value in dims.items()}
        if works(small):
            return small
    return dict(dims)


def _halves(name: str, value: int) -> list[int]:
    """Smaller values, the smallest first."""
    found = [value >> shift for shift in range(DEEPEST, 0, -1)]
    return [half for half in found if _floor(name) <= half < value]


def _floor(name: str) -> int:
    return FLOOR_BATCH if any(word in name.lower() for word in BATCH_WORDS) else FLOOR
