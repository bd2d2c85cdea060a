"""The shapes of an op's inputs, as readable text."""

from __future__ import annotations

import msgspec


def shape_text(dims: bytes, dtypes: bytes) -> str:
    """`[[2, 3], [], [3, 4]]` of `["float", "Scalar", "float"]` -> `[2,3] float, [3,4] float`: tensors alone."""
    try:
        shapes, kinds = msgspec.json.decode(dims), msgspec.json.decode(dtypes) if dtypes else []
    except msgspec.DecodeError:
        return ""
    if not isinstance(shapes, list):
        return ""
    kinds = [*(kinds if isinstance(kinds, list) else []), *[""] * len(shapes)]
    tensors = [(_flat(shape), str(kind)) for shape, kind in zip(shapes, kinds, strict=False) if shape]
    return ", ".join(f"{shape} {kind}".strip() for shape, kind in tensors)


def _flat(shape: object) -> str:
    """The text of a shape; a nested list is a list of tensors."""
    return f"[{','.join(map(_flat, shape))}]" if isinstance(shape, list) else str(shape)
