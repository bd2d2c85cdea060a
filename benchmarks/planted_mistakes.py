"""Mistakes planted in the PyTorch variant of an imported op: automatic ones, each a variant of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

RUN = "run"
OF_OUTPUT = {
    "row": ("one row is 1.1 times too large", "y.select(0, 0).mul_(1.1) if y.dim() else y.mul_(1.1)"),
    "tail": ("the last value is off by the largest", "y.view(-1)[-1].add_(y.abs().max())"),
    "shift": ("every value lies one place too far", "y.copy_(torch.roll(y, 1) if y.numel() > 1 else 2 * y)"),
}
"""What is done to a copy of the first output, by the end of the variant's name."""


def with_mistakes(text: str) -> tuple[str, dict[str, str]]:
    """An op file with planted variants, and what each of them does wrong. All of them are wrong for every input that is
    not zero or the same throughout."""
    tree = ast.parse(text)
    run = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == RUN)
    names = [argument.arg for argument in run.args.args]
    header = f"({ast.unparse(run.args)}):"
    added, found = [], {}
    for name, (what, how) in OF_OUTPUT.items():
        found[f"run_{name}"] = what
        added.append(
            f"def run_{name}{header}\n    made = run({', '.join(names)})\n"
            "    outputs = [made] if isinstance(made, torch.Tensor) else list(made)\n"
            "    y = outputs[0] = outputs[0].clone(memory_format=torch.contiguous_format)\n"
            "    y = y if y.is_floating_point() else y.add_(1)\n"
            f"    {how}\n    return outputs[0] if isinstance(made, torch.Tensor) else tuple(outputs)"
        )
    for kind, name, value in _of_parameters(tree):
        found[f"run_{kind}"] = f"{name} is forgotten"
        given = [f"torch.{value}_like({one})" if one == name else one for one in names]
        added.append(f"def run_{kind}{header}\n    return run({', '.join(given)})")
    return "\n\n\n".join([text.rstrip(), *added]) + "\n", found


def _of_parameters(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """The last bias, taken for zero, and the last weight, taken for ones."""
    roles: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ROLES":
            roles = ast.literal_eval(node.value)
    weights = [name for name, role in roles.items() if role == "weight"]
    for kind, value in (("bias", "zeros"), ("weight", "ones")):
        named = [name for name in weights if name.endswith(kind)]
        if named:
            yield kind, named[-1], value
