"""The model of a suite with its weights on the device, shared by all arms of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import msgspec
import torch
from torch import Tensor

from harness import kernels_root
from harness.decode.arm_ops import ArmOps, ReferenceOps
from harness.device.device import Device
from harness.errors import HarnessError
from harness.load_kernels import load_model
from harness.measure.operand_sets import torch_dtype
from harness.values.module_model import ModuleModel
from harness.values.suite import Plan

PROMPT_CHUNK = 2048
"""The float32 reference takes a prompt in pieces of this length: its attention holds length x context values a head."""


class Model(Protocol):
    """The interface of a suite's model for a bench, for models of ops and torch modules."""

    plan: Plan
    device: Device

    def arm(self, name: str, batch: int, capacity: int, profile: bool = False) -> tuple[Any, Any]:
        """A decoder of the arm, and the ops or module that it is bound to."""
        ...

    def prompt(self, batch: int, context: int) -> Tensor: ...

    def truth(self, prompt: Tensor, stream: Tensor, steps: int) -> Tensor: ...

    @property
    def truth_words(self) -> str: ...


def open_model(plan: Plan, device: Device) -> Model:
    """The model of a suite: of ops, or a torch module."""
    if plan.suite.module is None:
        return SuiteModel(plan, device)
    from harness.module_models.suite_model import open_module_model

    return open_module_model(plan, device, torch_dtype(plan.suite.dtype))


class SuiteModel:
    """A model of ops on raw weights; the output of a variant's `prepare` is kept once for all arms.

    Raises HarnessError where this process runs the kernels of another folder than the suite's.
    """

    def __init__(self, plan: Plan, device: Device) -> None:
        suite = plan.suite
        kernels_root.bind(Path(suite.kernels_root))
        self.plan = plan
        self.device = device
        self.dtype = torch_dtype(suite.dtype)
        self.architecture = load_model(suite.architecture)
        self.prepared: dict[Any, dict[str, Any]] = {}
        self.weights = self._load()
        self._others: dict[bytes, Model] = {}

    def _load(self) -> Any:
        suite, spec = self.plan.suite, self.plan.suite.weights
        keywords = {"group": spec.group, "dense": spec.dense, "dtype": self.dtype, "device": self.device.tensors}
        if spec.source == "random":
            return self.architecture.weights.random_weights(suite.dims, seed=spec.seed, **keywords)
        folder = suite.folder / spec.source
        try:
            return self.architecture.checkpoint.load(folder, suite.dims, **keywords)
        except self.architecture.checkpoint.CheckpointError as error:
            raise HarnessError(f"{suite.path}: weights.from: {error}") from error

    def arm(self, name: str, batch: int, capacity: int, profile: bool = False) -> tuple[Any, Any]:
        """A decoder of the arm's ops, and the ops; of an arm with a model of its own, what that model has."""
        suite = self.plan.suite
        other = suite.arms[name].module
        if other is not None:
            return self._other(other).arm(name, batch, capacity, profile)
        ops = ArmOps(self.plan.answers[name], str(suite.folder), self.prepared, profile)
        return self._build(ops, batch, capacity, self.dtype), ops

    def _other(self, module: ModuleModel) -> Model:
        """Another implementation of this model, which brings weights of its own."""
        key = msgspec.json.encode(module)
        if key not in self._others:
            suite = msgspec.structs.replace(self.plan.suite, module=module)
            self._others[key] = open_model(msgspec.structs.replace(self.plan, suite=suite), self.device)
        return self._others[key]

    def reference(self, batch: int, capacity: int) -> Any:
        """A decoder of the float32 definitions on the same weights."""
        return self._build(ReferenceOps(self.device), batch, capacity, torch.float32)

    def truth(self, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
        """The float32 definitions' logits [batch, steps, vocab] for each of the first `steps` tokens of the stream
        after the prompt.
        """
        batch, context = prompt.shape
        decoder = self.reference(batch, context + steps)
        with torch.no_grad():
            prefill_in_chunks(decoder, prompt)
            logits: Tensor = decoder.prefill(stream[:, :steps], start=context, every=True)
        return logits.float()

    truth_words = ""
    """Empty: logits are compared with the float32 model's."""

    def _build(self, ops: Any, batch: int, capacity: int, dtype: torch.dtype) -> Any:
        suite = self.plan.suite
        return self.architecture.model.build(
            suite.dims, self.weights, ops,
            batch=batch, capacity=capacity, group=suite.weights.group, dtype=dtype, device=self.device.tensors,
        )  # fmt: skip

    def prompt(self, batch: int, context: int) -> Tensor:
        """[batch, context] int64 token ids, drawn with the suite's seed."""
        generator = torch.Generator().manual_seed(self.plan.suite.weights.seed + 7919 * context + batch)
        vocab = int(self.plan.suite.dims["vocab_size"])
        return torch.randint(vocab, (batch, context), generator=generator).to(self.device.tensors)


def prefill_in_chunks(decoder: Any, tokens: Tensor, chunk: int = PROMPT_CHUNK) -> Tensor:
    """Prefill [batch, length] token ids in pieces; return the last position's logits [batch, vocab]."""
    logits = None
    for start in range(0, tokens.shape[1], chunk):
        logits = decoder.prefill(tokens[:, start : start + chunk], start=start)
    assert logits is not None
    return logits
