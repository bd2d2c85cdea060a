"""An arm is a change of the model: it is made, it is seen, and a change that changes nothing is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.values.measurement import Status
from tests.module_models.suites import llama, measured

pytest.importorskip("transformers")
NORM = """
import torch
from torch import nn

class LlamaRMSNorm(nn.Module):
    def __init__(self, old):
        super().__init__()
        self.weight, self.eps = old.weight, old.variance_epsilon

    def forward(self, x):
        return torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, self.eps) * FACTOR
"""
PATCH = """
from torch import nn

def apply(model):
    for layer in model.model.layers:
        layer.mlp.act_fn = nn.SiLU()

def doubled(model):
    model.lm_head.weight.mul_(2)

def scaled(model):
    model.model.layers[0].mlp.up_proj.weight.data.mul_(3)

def nothing(model):
    return 3

def halved(model):
    return model.half()

def passes_on(model):
    forward = model.forward
    model.forward = lambda *args, **keywords: forward(*args, **keywords).to_tuple()
"""
LAYERS = """
import torch

class RMSNorm(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, self.variance_epsilon)
"""


def test_replaced_patched_and_kernelised_arms_are_right(tmp_path: Path) -> None:
    """Each is another module than the baseline's, over the same tensors."""
    package = tmp_path / "mykernels" / "torch-ext" / "mykernels"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from . import layers\n")
    (package / "layers.py").write_text(LAYERS)
    arms = (
        "{baseline: {}, replaced: {replace: {LlamaRMSNorm: ./norm.py}}, patched: {like: replaced, apply: ./patch.py},"
        " kernels: {kernels: {RMSNorm: ./mykernels}}, attention: {attn_implementation: eager}}"
    )
    model = llama(tmp_path, arms, norm=NORM.replace("FACTOR", "1"), patch=PATCH)
    found = measured(model)
    assert {m.status for m in found.values()} == {Status.OK}, [m.reason for m in found.values()]
    assert len(found) == 10 and not any(case.same_as for case in model.plan.cases)
    modules = {name: model.arm(name, 1, 32)[0].module._module for name in model.plan.arms}
    kinds = {name: {type(part).__module__ for part in module.modules()} for name, module in modules.items()}
    assert (
        any("norm_" in kind for kind in kinds["replaced"] & kinds["patched"]) and kinds["baseline"] == kinds["kernels"]
    )
    assert isinstance(modules["patched"].model.layers[1].mlp.act_fn, torch.nn.SiLU)
    assert modules["kernels"].model.norm.forward.__func__.__module__ == "mykernels.layers"
    assert modules["attention"].config._attn_implementation == "eager"
    assert modules["baseline"].config._attn_implementation == "sdpa"
    assert len({module.lm_head.weight.data_ptr() for module in modules.values()}) == 1


def test_an_arm_may_convert_its_weights_and_wrap_its_forward(tmp_path: Path) -> None:
    """The first arm keeps its own dtype; a `forward` that takes anything gets the keywords of the suite's model."""
    arms = "{baseline: {}, halved: {apply: './patch.py:halved'}, wrapped: {apply: './patch.py:passes_on'}}"
    found = measured(llama(tmp_path, arms, patch=PATCH))
    assert found["decode:baseline"].status is found["decode:wrapped"].status is Status.OK
    halved = found["decode:halved"]
    assert halved.correctness is not None and 1e-4 < halved.correctness.max_error < 1e-2


def test_a_wrong_module_is_found(tmp_path: Path) -> None:
    arms = "{baseline: {}, wrong: {replace: {LlamaRMSNorm: ./norm.py}}}"
    found = measured(llama(tmp_path, arms, norm=NORM.replace("FACTOR", "1.01")))
    assert found["decode:baseline"].status is Status.OK and found["decode:wrong"].status is Status.INCORRECT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("{replace: {LlamaRmsNorm: ./norm.py:LlamaRMSNorm}}", "no module is a LlamaRmsNorm.*did you mean LlamaRMSNorm"),
        ("{apply: './patch.py:doubled'}", "writes into lm_head.weight, which all arms hold"),
        ("{apply: './patch.py:scaled'}", "writes into model.layers.0.mlp.up_proj.weight, which all arms hold"),
        ("{apply: './patch.py:nothing'}", "returned int, wanted: a torch module"),
        ("{apply: './fails.py:apply'}", "fails.py:2: ValueError: not today"),
        ("{attn_implementation: fast}", "fast"),
        ("{quantize: Int8WeightOnlyConfig}", "torchao is not installed here|changed no weight|OK"),
    ],
)
def test_a_change_that_fails_is_the_reason_of_its_arm(change: str, reason: str, tmp_path: Path) -> None:
    """The other arm is measured all the same, and rightly so."""
    files = {"norm": NORM, "patch": PATCH, "fails": "def apply(m): ...\nraise ValueError('not today')\n"}
    found = measured(llama(tmp_path, f"{{baseline: {{}}, other: {change}}}", **files))
    assert found["decode:baseline"].status is Status.OK
    if "torchao" in reason and found["decode:other"].status is Status.OK:
        return
    assert found["decode:other"].status is Status.FAILED
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found["decode:other"].reason)
