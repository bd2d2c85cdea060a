"""Llama: attention and one MLP in every layer, nothing else. Without torch."""

from __future__ import annotations

from functools import partial

from ..standard import parts
from ..standard.parts import Kind

KIND = Kind("llama", qk_norm=False, experts=False, fixed={"attention_bias": False, "mlp_bias": False})
DIMS = KIND.sizes
"""The required keys and their types; an integer is a float too."""
linears, experts = partial(parts.linears, KIND), partial(parts.experts, KIND)
problem, uses = partial(parts.problem, KIND), partial(parts.uses, KIND)
