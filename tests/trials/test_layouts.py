"""A kernel with a helper works the same in every layout of docs/layouts.md, from its folder and from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trials.commands import harness

HELPER = "import torch\n\n\ndef product(x, weight):\n    return x @ weight.T\n"
SUITE = """\
suite: 1
title: A kernel with a helper
arms: {mine: {linear: KERNEL}}
shapes: {linear: {tokens: 2, n: 8, k: 16}}
"""
LAYOUTS = {
    "a helper beside it": ("k.py", "from helper import product", "helper.py", "./k.py", "k.py"),
    "a relative import": ("pk/k.py", "from .helper import product", "pk/helper.py", "pk.k", "pk/k.py"),
    "an absolute import": ("pk/k.py", "from pk.helper import product", "pk/helper.py", "pk.k", "pk.k"),
}
"""Where the kernel lies, its import, where the helper lies, its name in a suite and for `try`."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_helper_is_found_in_every_command(name: str, tmp_path: Path) -> None:
    """`try` in the folder, `check` from another one; a helper that is made wrong is INCORRECT in both."""
    kernel, line, helper, in_suite, tried = LAYOUTS[name]
    home, away = tmp_path / "home", tmp_path / "away"
    (home / kernel).parent.mkdir(parents=True)
    away.mkdir()
    if "/" in kernel:
        (home / kernel).parent.joinpath("__init__.py").touch()
    (home / kernel).write_text(f"{line}\n\n\ndef run(x, weight):\n    return product(x, weight)\n")
    (home / helper).write_text(HELPER)
    (home / "s.yaml").write_text(SUITE.replace("KERNEL", in_suite))
    found = harness(home, "try", tried, "--op", "linear", "--against", "none")
    assert found.status == 0 and "correct" in found.text, found.text
    found = harness(away, "check", "../home/s.yaml")
    assert found.status == 0 and "OK" in found.text, found.text
    (home / helper).write_text(HELPER.replace("x @", "-x @"))
    found = harness(away, "check", "../home/s.yaml")
    assert found.status == 5 and "INCORRECT" in found.text, found.text
