"""The first half of a gated-delta layer in one op: residual, norm and mixer."""

from __future__ import annotations

from dataclasses import replace

from ..contract import Cost, Dims, Input, Op
from ..delta_mixer.spec import OP as MIXER
from ..delta_mixer.spec import TEST_SHAPES as MIXER_SHAPES
from ..delta_mixer.spec import cost as mixer_cost

ROW = ("batch", "length", "hidden")

OP = Op(
    summary="Residual z = x + y, its norm, and the delta mixer of it; states in place.",
    inputs=(
        Input("x", ROW),
        Input("y", ROW),
        Input("ln_weight", ("hidden",), role="weight", fill="norm_weight"),
        *(replace(declared) for declared in MIXER.inputs if declared.name != "x"),
    ),
    outputs=(("z", ROW), ("mixed", ROW)),
    tolerance=MIXER.tolerance,
    stress={"zero_row": ("x", "y"), "outlier_channels": ("x",), "all_nibbles": MIXER.stress["all_nibbles"]},
    row_dims=MIXER.row_dims,
    replaces=("residual_add", "rms_norm", *MIXER.replaces),
    stepwise=True,
)

TEST_SHAPES: tuple[dict[str, int], ...] = MIXER_SHAPES


def cost(d: Dims) -> Cost:
    """The cost of the mixer, the residual's second input and its sum; the normed vector is not counted."""
    mixer = mixer_cost(d)
    row = 2 * d["batch"] * d["length"] * d["hidden"]
    return Cost(mixer.read_bytes + row + 2 * d["hidden"], mixer.write_bytes + row, mixer.flop + 3 * row)
