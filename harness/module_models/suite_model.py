"""The torch module of a suite with its weights on the device, shared by all arms of one process."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness import kernels_root
from harness.device.device import Device
from harness.module_models import file_module, hugging_face
from harness.module_models.arm_module import ArmModule
from harness.module_models.changes import applied, changed
from harness.module_models.decoder import ModuleDecoder
from harness.module_models.shared_copy import float32_bytes, in_float32, shared_copy, unwritten, weight_bytes
from harness.values.suite import Plan

MOST_MEMORY = 0.85
"""Share of the device's memory that the model and its float32 copy may take together, beside caches and logits."""


class ModuleSuiteModel(ABC):
    """The interface of a suite's model for a bench.

    Everything is loaded on first use: an error of the model is then the reason of a case.
    """

    def __init__(self, plan: Plan, device: Device, dtype: torch.dtype) -> None:
        kernels_root.bind(Path(plan.suite.kernels_root))  # a user's file may import kernels of the library
        assert plan.suite.module is not None
        self.plan, self.device, self.dtype, self.source = plan, device, dtype, plan.suite.module
        self._base: Any = None
        self._watched: ArmModule | None = None

    def arm(self, name: str, batch: int, capacity: int, profile: bool = False) -> tuple[ModuleDecoder, ArmModule]:
        """A decoder of the arm's module, and the module. Raises CaseFailed for changes that cannot be made."""
        module = self._arm_module(self.base(), name, batch, capacity)
        decoder = self._decoder(module, batch, capacity)
        if self._watched is not None:
            self._watched.record_nothing()
        self._watched = ArmModule(module, profile)
        return decoder, self._watched

    def prompt(self, batch: int, context: int) -> Tensor:
        """[batch, context] int64 token ids, drawn with the suite's seed."""
        generator = torch.Generator().manual_seed(self.plan.suite.weights.seed + 7919 * context + batch)
        return torch.randint(self._vocabulary(), (batch, context), generator=generator).to(self.device.tensors)

    def truth(self, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
        """The logits [batch, steps, vocab] float32 for each of the first `steps` tokens of the stream after the prompt.

        They are the float32 model's where it fits, else the first arm's.
        """
        with torch.no_grad():
            return self._truth(prompt, stream[:, :steps], as_first_arm=not self._fits_in_float32())

    @property
    def truth_words(self) -> str:
        """The reference for logits, where that is not the float32 model."""
        if self._fits_in_float32():
            return ""
        size = (weight_bytes(self.base()) + float32_bytes(self.base())) / 2**30
        return f"against the arm {self._first_arm}, since the float32 model does not fit (with this one {size:.0f} GiB)"

    def base(self) -> Any:
        """The module that arms are copies of."""
        if self._base is None:
            self._base = self._made()
        return self._base

    def _made(self) -> nn.Module:
        """The module of the suite, for all arms."""
        module = self._load()
        for source in self.source.apply:
            module = applied(module, source)
        return module.requires_grad_(False)

    def _changed(self, module: nn.Module, arm: str) -> nn.Module:
        """A module over the weights of all arms with the changes of one. Raises CaseFailed where these write into the
        weights."""
        with unwritten(self.base(), arm, self._made):
            return changed(module, self.plan.suite.arms[arm].changes)

    @property
    def _first_arm(self) -> str:
        return self.plan.arms[0]

    def _fits_in_float32(self) -> bool:
        base = self.base()
        return weight_bytes(base) + float32_bytes(base) < MOST_MEMORY * _memory_bytes(self.device)

    @abstractmethod
    def _load(self) -> nn.Module: ...

    @abstractmethod
    def _arm_module(self, base: nn.Module, name: str, batch: int, capacity: int) -> nn.Module: ...

    @abstractmethod
    def _decoder(self, module: Any, batch: int, capacity: int) -> ModuleDecoder: ...

    @abstractmethod
    def _vocabulary(self) -> int: ...

    @abstractmethod
    def _truth(self, prompt: Tensor, stream: Tensor, as_first_arm: bool) -> Tensor: ...


class HuggingFaceModel(ModuleSuiteModel):
    """Arms of one structure: they are kept, and each decoder gets a cache of its own."""

    def __init__(self, plan: Plan, device: Device, dtype: torch.dtype) -> None:
        super().__init__(plan, device, dtype)
        self._arms: dict[str, nn.Module] = {}

    def _load(self) -> nn.Module:
        return hugging_face.load(self.source, self.dtype, self.device.tensors, self.plan.suite.weights.seed)

    def _arm_module(self, base: nn.Module, name: str, batch: int, capacity: int) -> nn.Module:
        if name not in self._arms:
            self._arms[name] = self._changed(shared_copy(base), name)
        return self._arms[name]

    def _decoder(self, module: Any, batch: int, capacity: int) -> ModuleDecoder:
        return hugging_face.CausalLMDecoder(module, self.base(), batch, capacity, self.device.tensors)

    def _vocabulary(self) -> int:
        return hugging_face.vocabulary(self.base())

    def _truth(self, prompt: Tensor, stream: Tensor, as_first_arm: bool) -> Tensor:
        base = self.base()
        module = self._arm_module(base, self._first_arm, 0, 0) if as_first_arm else in_float32(base)
        return hugging_face.whole_text(module, base, torch.cat((prompt, stream), dim=1), stream.shape[1])


class FileModel(ModuleSuiteModel):
    """Built anew for each batch and capacity, on which its states depend, over the weights of the first build."""

    def _load(self) -> nn.Module:
        return self._built(1, 2, self.dtype)

    def _built(self, batch: int, capacity: int, dtype: torch.dtype) -> nn.Module:
        seed = self.plan.suite.weights.seed
        return file_module.build(self.source, batch, capacity, dtype, self.device.tensors, seed)

    def _with_weights(self, batch: int, capacity: int, dtype: torch.dtype) -> nn.Module:
        built = self._built(batch, capacity, dtype).requires_grad_(False)
        return file_module.share_weights(built, file_module.weights_of(self.base()), dtype)

    def _arm_module(self, base: nn.Module, name: str, batch: int, capacity: int) -> nn.Module:
        module = self._with_weights(batch, capacity, self.dtype)
        return file_module.checked(self._changed(module, name), self.source.name)

    def _decoder(self, module: Any, batch: int, capacity: int) -> ModuleDecoder:
        return ModuleDecoder(module, batch, capacity)

    def _vocabulary(self) -> int:
        found: int = self.base().vocab_size
        return found

    def _truth(self, prompt: Tensor, stream: Tensor, as_first_arm: bool) -> Tensor:
        (batch, context), steps = prompt.shape, stream.shape[1]
        if as_first_arm:
            module = self._arm_module(self.base(), self._first_arm, batch, context + steps)
        else:
            module = self._with_weights(batch, context + steps, torch.float32)
        decoder = ModuleDecoder(module, batch, context + steps)  # type: ignore[arg-type]  # checked by file_module
        decoder.prefill(prompt)
        return decoder.prefill(stream, start=context, every=True).float()


def _memory_bytes(device: Device) -> int:
    if device.gpu:
        total: int = torch.cuda.mem_get_info()[1]
        return total
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def open_module_model(plan: Plan, device: Device, dtype: torch.dtype) -> ModuleSuiteModel:
    """The model of a suite that names a module."""
    assert plan.suite.module is not None
    kinds: dict[str, type[ModuleSuiteModel]] = {"hf": HuggingFaceModel, "file": FileModel}
    return kinds[plan.suite.module.kind](plan, device, dtype)
