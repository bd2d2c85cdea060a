"""A model of somebody's own, of ops of their own, as files in an empty folder."""

from __future__ import annotations

from pathlib import Path

MODEL = '''\
from harness_kernels.contract import Use
from harness_kernels.models.decoder import Bind, Decoder

MODELS = {"small": {"vocab_size": 64, "hidden_size": 32, "layers": 2}}
PARTS = ("scale_rows@main", "shift_rows@main")


def uses(dims, group, dense):
    row, n = {"tokens": 1, "width": dims["hidden_size"]}, dims["layers"]
    table = {"tokens": 1, "vocab": dims["vocab_size"], "hidden": dims["hidden_size"]}
    head = {"tokens": 1, "n": dims["vocab_size"], "k": dims["hidden_size"]}
    return (Use("embedding", "tokens", 1, table), Use("scale_rows", "main", n, row), Use("shift_rows", "main", n, row),
            Use("linear", "lm_head", 1, head, last=True),
            Use("greedy", "main", 1, {"batch": 1, "vocab": dims["vocab_size"]}))


def composites(dims, group, dense):
    row = {"tokens": 1, "width": dims["hidden_size"]}
    return (Use("scale_and_shift", "main", dims["layers"], row, PARTS),)


def random_weights(dims, dtype, device, seed):
    import torch

    g = torch.Generator().manual_seed(seed)
    table = torch.randn(dims["vocab_size"], dims["hidden_size"], generator=g).to(device, dtype)
    rows = [torch.randn(2, dims["hidden_size"], generator=g).to(device, dtype) for _ in range(dims["layers"])]
    return {"table": table, "rows": rows}


def build(dims, weights, ops, batch, capacity, group, dtype, device):
    import torch

    table, rows = weights["table"].to(dtype), [pair.to(dtype) for pair in weights["rows"]]
    state = torch.zeros(batch, dims["hidden_size"], dtype=dtype, device=device)
    top = Bind(ops, dims, group, None, {"tokens": {"table": table}, "lm_head": {"weight": table}})
    model = Sums({"seen": state}, batch, capacity, device, top("greedy"))
    model.embed, model.head = top("embedding", "tokens", "tokens"), top("linear", "lm_head", "lm_head")
    model.layers = []
    for i, (scale, shift) in enumerate(rows):
        bind = Bind(ops, dims, group, i, {"both": {"scale": scale, "shift": shift}})
        parts = [bind(f"{name}_rows", weights={name: ("both", name)}) for name in ("scale", "shift")]
        model.layers.append((*parts, bind("scale_and_shift", weights="both")))
    return model


class Sums(Decoder):
    """Each position sees the sum of all tokens so far."""

    def _hidden(self, phase, token_ids, positions):
        x = self.embed(phase, token_ids.flatten()).unflatten(0, token_ids.shape).cumsum(1)
        x = x + self.states["seen"][:, None]
        self.states["seen"].copy_(x[:, -1])
        x = x.flatten(0, 1)
        for scale, shift, both in self.layers:
            x = both(phase, x) if both.covers(phase) else shift(phase, scale(phase, x))
        return (x / x.abs().amax(-1, keepdim=True),)

    def _logits(self, phase, *hidden):
        return self.head(phase, *hidden)
'''

_OP = """\
import torch
ROLES = {roles}
{head}

def reference({inputs}):
    return {formula}


def inputs(tokens=4, width=32):
    return {made}


def run({inputs}):
    return {formula}
"""
OPS = {
    "scale_rows": _OP.format(
        roles={"scale": "weight"}, head="", inputs="x, scale", formula="x * scale",
        made="torch.randn(tokens, width), torch.randn(width)",
    ),
    "shift_rows": _OP.format(
        roles={"shift": "weight"}, head="", inputs="x, shift", formula="x + shift",
        made="torch.randn(tokens, width), torch.randn(width)",
    ),
    "scale_and_shift": _OP.format(
        roles={"scale": "weight", "shift": "weight"}, head='REPLACES = ("scale_rows", "shift_rows")',
        inputs="x, scale, shift", formula="x * scale + shift",
        made="torch.randn(tokens, width), torch.randn(width), torch.randn(width)",
    ),
}  # fmt: skip

SUITE = """\
suite: 1
title: A model of one's own, of ops of one's own
models: ./sums.py
model: small
dtype: float32
arms:
  parts: {}
  fused: {scale_and_shift: run}
kernels: {ops: [scale_rows, scale_and_shift], tokens: [1]}
decode: {engines: [eager], batch: [2], context: [8], new_tokens: 4}
"""


def write_model(folder: Path, suite: str = SUITE, model: str = MODEL) -> Path:
    """The model, its ops in `ops/` and its suite; the suite's path."""
    (folder / "ops").mkdir()
    for name, text in OPS.items():
        (folder / "ops" / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "sums.py").write_text(model, encoding="utf-8")
    path = folder / "own.yaml"
    path.write_text(suite, encoding="utf-8")
    return path
