"""What nobody wrote is seen, and seeing it costs no compiler."""

from __future__ import annotations

import os
import subprocess
import sys

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from harness.measure.guards import Guards
from harness.measure.poison import INTEGER_POISON, PoisonUninitialised
from tests.conftest import REPOSITORY

CHECKS = """
import sys
import torch
from harness.measure.poison import PoisonUninitialised
with PoisonUninitialised():
    assert torch.empty(3).isnan().all()
print("torch._dynamo" in sys.modules)
"""


def test_floats_are_nan_and_integers_no_index() -> None:
    with PoisonUninitialised():
        assert torch.empty(2, 3).isnan().all() and torch.empty_like(torch.zeros(2)).isnan().all()
        assert (torch.empty(4, dtype=torch.int32) == INTEGER_POISON).all()
        assert (torch.zeros(2).new_empty(2) != 0).all() and not torch.zeros(2).any()
    assert not torch.zeros(3).isnan().any()


def test_a_check_does_not_import_the_compiler() -> None:
    """torch._dynamo takes 1.4 s to import here and 4 s on a GPU machine: in every process of every comparison."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", CHECKS], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_a_compiled_function_is_seen_through() -> None:
    """Dynamo may look into the mode; what it compiles still begins with what nobody wrote."""

    @torch.compile(backend="eager", fullgraph=True)
    def half_written(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        out[:2] = x[:2]
        return out

    with torch.no_grad(), PoisonUninitialised():
        found = half_written(torch.ones(4))
    assert found[:2].tolist() == [1, 1] and found[2:].isnan().all()


def test_what_a_compiler_traces_stays_as_it_is() -> None:
    """Helion calls torch on tensors of symbolic sizes to learn shapes; they have no memory to fill or to guard."""
    with PoisonUninitialised(Guards()), FakeTensorMode(shape_env=ShapeEnv()) as fake:
        size = fake.shape_env.create_unbacked_symint()
        assert isinstance(torch.empty(size, 4), FakeTensor) and not fake.shape_env.guards
    with PoisonUninitialised(Guards()):
        assert torch.empty(3, device="meta").is_meta
