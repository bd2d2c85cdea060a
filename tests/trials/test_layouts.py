"""A kernel with a helper works the same in every layout of docs/layouts.md, from its folder and from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trials.commands import harness

HELPER = "import torch\n\n\ndef product(x, weight):\n    return x @ weight.T\n"
HOME = {
    "helper.py": HELPER,
    "k.py": "from helper import product",
    "pk/__init__.py": "",
    "pk/helper.py": HELPER,
    "pk/relative.py": "from .helper import product",
    "pk/absolute.py": "from pk.helper import product",
}
"""A helper beside a kernel, and one in a package, imported in both ways."""
KERNEL = "\n\n\ndef run(x, weight):\n    return product(x, weight)\n"
TRIED = ("k.py", "pk/relative.py", "pk.absolute")
SUITE = """\
suite: 1
title: Kernels with a helper
arms: {beside: {linear: ./k.py}, relative: {linear: pk.relative}, absolute: {linear: pk.absolute}}
shapes: {linear: {tokens: 2, n: 8, k: 16}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layouts") / "home"
    for name, text in HOME.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + KERNEL if "import product" in text else text)
    (folder / "s.yaml").write_text(SUITE)
    return folder


@pytest.mark.parametrize("kernel", TRIED)
def test_try_finds_a_helper(kernel: str, home: Path) -> None:
    """In the folder, by file or by dotted name."""
    found = harness(home, "try", kernel, "--op", "linear", "--against", "none")
    assert found.status == 0 and "correct" in found.text, found.text


def test_a_suite_finds_its_helpers_from_another_folder(home: Path, tmp_path: Path) -> None:
    """Helpers that are made wrong make every kernel of theirs INCORRECT."""
    found = harness(tmp_path, "check", str(home / "s.yaml"))
    assert found.status == 0 and found.text.count("OK") == 3, found.text
    for helper in (home / "helper.py", home / "pk" / "helper.py"):
        helper.write_text(HELPER.replace("x @", "-x @"))
    found = harness(tmp_path, "check", str(home / "s.yaml"))
    assert found.status == 5 and found.text.count("INCORRECT") == 3, found.text
