"""The answer of an arm: the variant and tunables of an op at a site in a phase, tuned files read, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness import kernels_root
from harness.suite.catalogue import kernels_of
from harness.suite.closure import closure_hash
from harness.suite.format import TUNED
from harness.suite.signature import Signature
from harness.values.case import Implementation
from harness.values.suite import Suite

DEFAULT = "default"
"""Origin of an answer that no arm gave: the op's own default."""


class Resolved(msgspec.Struct, frozen=True):
    """The answer to one call.

    problem: The reason why the answer cannot be used here. An answer that is `tuned` for an unknown device has none.
    """

    answer: Implementation
    problem: str | None = None


class ArmResolver:
    """Resolves the choices of a suite's arms.

    device: Device of the tuned files (`nvidia-h100-80gb-hbm3`). None if not known yet.
    """

    def __init__(self, suite: Suite, device: str | None, triton: str | None) -> None:
        self._suite, self._device, self._triton = suite, device, triton
        self._kernels = kernels_of(suite)
        self._read: dict[tuple[str, str], tuple[Signature, str]] = {}

    def resolve(self, arm: str, op: str, site: str, phase: str, dims: Mapping[str, int]) -> Resolved:
        """The answer of an arm to a call of these sizes."""
        choice = self._suite.arms[arm].choice(op, site, phase)
        if choice is None:
            variant = self._kernels.spec(op).default[phase]
            return Resolved(Implementation(variant, self.defaults(op, variant), DEFAULT))
        if choice.tunables == TUNED:
            return self._tuned(op, choice.variant, dims)
        assert isinstance(choice.tunables, dict)
        return Resolved(Implementation(choice.variant, {**self.defaults(op, choice.variant), **choice.tunables}))

    def defaults(self, op: str, variant: str) -> dict[str, Any]:
        """Every tunable of a variant with its default."""
        return dict(self._variant(op, variant)[0].tunables)

    def _tuned(self, op: str, variant: str, dims: Mapping[str, int]) -> Resolved:
        unresolved = Implementation(variant, {}, TUNED)
        if self._device is None:
            return Resolved(unresolved)
        tuned = kernels_root.module("tuned", self._kernels.root)
        signature, source_hash = self._variant(op, variant)
        found = tuned.lookup(
            op, variant, self._device, dims, source_hash, self._triton, self._kernels.suite_folder,
            **self._kernels.tuned_beside(op),
        )  # fmt: skip
        if isinstance(found, str):
            return Resolved(unresolved, f"{found}; `harness sweep` of this suite writes it")
        origin = tuned.label(found.path)
        if found.tokens != dims.get("tokens", 1):
            origin += f" (tuned with {found.tokens} token{'s' * (found.tokens != 1)})"
        return Resolved(Implementation(variant, {**signature.tunables, **found.tunables}, origin))

    def _variant(self, op: str, variant: str) -> tuple[Signature, str]:
        """Signature and source hash of a variant."""
        key = (op, variant)
        if key not in self._read:
            file = self._kernels.known_file(op, variant)
            self._read[key] = self._kernels.signature(op, variant), closure_hash(file, self._kernels.root)
        return self._read[key]
