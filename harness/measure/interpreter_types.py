"""Descriptions of tensors in Triton's interpreter, made once. Triton 3.6 and 3.7 check the shape of a result and write
the text of its type anew at every operation, which takes 40 % of the time of an interpreted kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Kept = dict[Any, dict[str, Any]]


def keep_types(interpreter: Any) -> None:
    """Give an interpreted tensor, and its type, the attributes of the first one with that element and that shape.

    The data of a tensor (`handle`) and its type remain its own.
    """
    core = interpreter.tl.core
    core.block_type.__init__ = _type_kept(core.block_type.__init__)
    core.tensor.__init__ = _tensor_kept(core.tensor.__init__)
    interpreter._get_np_dtype = _dtype_kept(interpreter._get_np_dtype)


def _type_kept(make: Callable[..., None]) -> Callable[..., None]:
    kept: Kept = {}

    def made(self: Any, element_ty: Any, shape: Any) -> None:
        sizes = [getattr(size, "value", size) for size in shape]
        if not all(type(size) is int for size in sizes):
            return make(self, element_ty, shape)  # has the words for what is wrong
        # The name of a pointer leaves its address space out.
        key = (element_ty.name, getattr(element_ty, "address_space", None), *sizes)
        found = kept.get(key)
        if found is None:
            make(self, element_ty, shape)
            kept[key] = dict(vars(self))
        else:
            vars(self).update(found)
        return None

    return made


def _tensor_kept(make: Callable[..., None]) -> Callable[..., None]:
    kept: Kept = {}

    def made(self: Any, handle: Any, type: Any) -> None:  # Triton's own names: callers may give them
        found = kept.get(type.name)
        if found is None:
            make(self, handle, type)
            kept[type.name] = {name: value for name, value in vars(self).items() if name != "handle"}
        else:
            vars(self).update(found)
            self.handle, self.type, self.dtype = handle, type, type.scalar

    return made


def _dtype_kept(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    kept: dict[str, Any] = {}

    def found(of: Any) -> Any:
        """numpy's dtype of a type of the language."""
        if of.name not in kept:
            kept[of.name] = find(of)
        return kept[of.name]

    return found
