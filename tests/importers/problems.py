"""Small problems in the forms that other repositories have, each with what makes its form hard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GEMM = '''\
import torch
import torch.nn as nn

SCALE = 2.0


class Model(nn.Module):
    """Linear, scaled and clipped below."""

    def __init__(self, width, out_width, floor, bias_shape):
        super().__init__()
        self.linear = nn.Linear(width, out_width)
        self.shift = nn.Parameter(torch.zeros(bias_shape))
        self.unused = nn.Linear(width, 3)

    def forward(self, x):
        return torch.relu(self.linear(x) * SCALE + self.shift)


batch_size, width = 128, 4096
out_width = 1024 * 2
bias_shape = (out_width,)
floor = 0.5  # not a size


def get_inputs():
    x = torch.rand(batch_size, width)
    return [x]


def get_init_inputs():
    return [width, out_width, floor, bias_shape]
'''

NORM = """\
import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.norm = nn.BatchNorm1d(features)

    def forward(self, x, scale):
        return self.norm(x) * scale


batch_size = 64
features = 256


def get_inputs():
    return [torch.rand(batch_size, features), 3]


def get_init_inputs():
    return [features]
"""

SIMPLE = """\
import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return BODY


rows = 32


def get_inputs():
    return [torch.rand(rows, 64)]
"""
"""BODY stands for what makes it refused."""

DEFINITION: dict[str, Any] = {
    "name": "paged_mean",
    "description": "Mean of the pages of each sequence.",
    "axes": {
        "batch_size": {"type": "var"},
        "len_indptr": {"type": "var"},
        "num_pages": {"type": "var"},
        "num_kv_indices": {"type": "var"},
        "page_size": {"type": "const", "value": 4},
        "width": {"type": "const", "value": 512},
        "half": {"type": "expr", "expression": "width // 2"},
    },
    "constraints": ["len_indptr == batch_size + 1", "num_kv_indices == kv_indptr[-1].item()"],
    "inputs": {
        "cache": {"shape": ["num_pages", "page_size", "width"], "dtype": "bfloat16"},
        "bias": {"shape": ["half"], "dtype": "float32"},
        "kv_indptr": {"shape": ["len_indptr"], "dtype": "int32"},
        "kv_indices": {"shape": ["num_kv_indices"], "dtype": "int32"},
        "eps": {"shape": None, "dtype": "float32"},
    },
    "outputs": {
        "mean": {"shape": ["batch_size", "width"], "dtype": "bfloat16"},
        "largest": {"shape": ["batch_size"], "dtype": "float32"},
    },
    "reference": (
        "import torch\n\n\n@torch.no_grad()\ndef run(cache, bias, kv_indptr, kv_indices, eps):\n"
        "    rows = []\n"
        "    for i in range(len(kv_indptr) - 1):\n"
        "        pages = kv_indices[int(kv_indptr[i]) : int(kv_indptr[i + 1])].long()\n"
        "        rows.append(cache[pages].float().mean((0, 1)) + bias.repeat(2) + eps)\n"
        "    y = torch.stack(rows)\n"
        "    return y.to(cache.dtype), y.amax(-1)\n"
    ),
}
WORKLOADS = [
    {"axes": {"batch_size": 4, "len_indptr": 5, "num_pages": 50, "num_kv_indices": 40},
     "inputs": {"cache": {"type": "random"}, "eps": {"type": "scalar", "value": 0.25}}, "uuid": "a"},
    {"definition": "paged_mean", "solution": None, "evaluation": None,
     "workload": {"axes": {"batch_size": 8, "len_indptr": 9, "num_pages": 50, "num_kv_indices": 40}, "inputs": {}}},
]  # fmt: skip
"""A line as SOL-ExecBench has it, then one as flashinfer-bench has it."""

BENCHMARK = """\
import torch

from kernels.benchmark import Benchmark


class ScaleBenchmark(Benchmark):
    seed: int = 1

    def setup(self):
        self.x = torch.randn(16, 32, device="cuda", dtype=torch.float16)
        self.factor = 3
        self.out = torch.empty_like(self.x)

    def benchmark_base(self):
        self.kernel.scale(self.out, self.x, self.factor)

    def verify_base(self) -> torch.Tensor:
        return self.x * self.factor

    def setup_large(self):
        self.x = torch.randn(64, 32, device=self.device, dtype=torch.float16)
        self.factor = 5
        self.out = torch.empty_like(self.x)

    def benchmark_large(self):
        self.kernel.scale(self.out, self.x, self.factor)

    def verify_large(self) -> torch.Tensor:
        return self.x * self.factor
"""

OPERATOR = """\
import torch
from tritonbench.utils.triton_op import BenchmarkOperator, register_benchmark


class Operator(BenchmarkOperator):
    @register_benchmark(baseline=True)
    def torch_scale(self, factor, x):
        return lambda: x * factor

    @register_benchmark()
    def other_scale(self, factor, x):
        return lambda: factor * x

    def get_input_iter(self):
        for size in (16, 32):
            yield 3.0, torch.rand(size, device=self.device, dtype=self.dtype)
"""
"""Its package is a stand-in: see `write_tritonbench`."""

TRITONBENCH = {
    "utils/triton_op.py": (
        "import torch\nREGISTERED_BENCHMARKS = {'scale': {}}\n\n\nclass Backend:\n    enabled = True\n\n\n"
        "def register_benchmark(baseline=False):\n"
        "    def decorate(function):\n"
        "        REGISTERED_BENCHMARKS['scale'][function.__name__] = Backend()\n        return function\n"
        "    return decorate\n\n\n"
        "class BenchmarkOperator:\n    def __init__(self, arguments, others):\n"
        "        self.device, self.dtype = arguments.device, getattr(torch, arguments.precision)\n"
        "        torch.manual_seed(1)\n        torch.manual_seed = lambda *_: None\n"
    ),
    "utils/parser.py": (
        "import argparse\n\n\ndef get_parser():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--op')\n    parser.add_argument('--device', choices=('cpu', 'cuda'))\n"
        "    names = {'fp32': 'float32', 'bf16': 'bfloat16', 'fp16': 'float16'}\n"
        "    parser.add_argument('--precision', type=names.get)\n    return parser\n"
    ),
    "operators/scale/operator.py": OPERATOR,
}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_definition(folder: Path, definition: dict[str, Any] = DEFINITION) -> Path:
    """With its workloads beside it."""
    write(folder, "workload.jsonl", "".join(json.dumps(one) + "\n" for one in WORKLOADS))
    return write(folder, "definition.json", json.dumps(definition))


def write_tritonbench(folder: Path) -> Path:
    """A package of the form of tritonbench: its parser, its registry, and a base class that seeds as its own does."""
    for name, text in TRITONBENCH.items():
        write(folder / "tritonbench", name, text)
    return folder / "tritonbench" / "operators" / "scale" / "operator.py"
