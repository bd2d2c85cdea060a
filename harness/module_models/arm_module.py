"""The interface of an arm for a bench, beside its decoder, where the arm is a module and binds no ops."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from harness.module_models.scopes import ModuleScopes
from harness.module_models.shared_copy import tensors_of, weight_bytes


class ArmModule:
    """Takes the place of `ArmOps` for models of ops. With `profile`, every module's call runs in a scope."""

    def __init__(self, module: nn.Module, profile: bool = False) -> None:
        self._module = module
        self._scopes = ModuleScopes(module) if profile else None

    def record_nothing(self) -> None:
        """Make later calls without a scope."""
        if self._scopes is not None:
            self._scopes.remove()

    def observe(self, observer: Any) -> None:
        """Do nothing: there are no calls of ops to observe."""

    def tensors(self, phase: str = "decode") -> dict[str, Tensor]:
        """Every parameter and buffer by its name."""
        return dict(tensors_of(self._module))

    def weight_bytes(self, phase: str = "decode") -> int:
        """Bytes of the distinct tensors that the arm holds, in either phase."""
        return weight_bytes(self._module)
