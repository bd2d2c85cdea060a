"""Names become running code in one place, and what cannot be loaded is one line with its place."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.load_kernels import VariantNotLoaded, load_layout, load_model, load_op, load_operands, load_variant
from harness.suite.catalogue import bound_kernels, ops, variant_file, variants
from tests.suite.suite_files import VARIANT


@pytest.mark.parametrize("op", ops())
def test_every_op_loads(op: str) -> None:
    """Its definition, cost and reference, and a default variant for each phase that exists."""
    loaded = load_op(op)
    assert loaded.name == op and callable(loaded.reference) and loaded.cost(loaded.test_shapes[0]).bytes > 0
    assert set(variants(op)) and "reference" not in variants(op)


@pytest.mark.parametrize(("op", "name"), [(op, name) for op in ops() for name in variants(op) if "triton" not in name])
def test_every_variant_loads(op: str, name: str, tmp_path: Path) -> None:
    """With all its tunables, its text and the hash of it."""
    loaded = load_variant(op, name, tmp_path)
    assert callable(loaded.run) and loaded.path == variant_file(op, name, tmp_path)
    assert loaded.source_hash == hashlib.sha256(loaded.path.read_bytes()).hexdigest()
    assert load_variant(op, name, tmp_path) is loaded


def test_models_and_operands_load() -> None:
    """Every architecture has its four modules; unknown names are refused with the nearest."""
    for name in bound_kernels().architectures():
        modules = load_model(name)
        assert modules.layout is load_layout(name) and callable(modules.model.build)
        assert callable(modules.weights.random_weights) and callable(modules.checkpoint.load)
    assert callable(load_operands().make)
    with pytest.raises(HarnessError, match=r"unknown op int4_mn; allowed: .*did you mean int4_mm\?"):
        load_op("int4_mn")
    with pytest.raises(HarnessError, match=r"unknown architecture qwen; allowed: "):
        load_model("qwen")
    with pytest.raises(HarnessError, match=r"int4_mm: unknown variant torch_block; .*did you mean torch_blocked\?"):
        load_variant("int4_mm", "torch_block", ".")


def test_a_file_beside_the_suite_is_loaded_as_it_is_now(tmp_path: Path) -> None:
    """It runs, and after an edit the new text runs, in the same process."""
    (tmp_path / "mine.py").write_text(VARIANT)
    first = load_variant("int4_mm", "./mine.py", tmp_path)
    weight = torch.full((2, 16), 0x99, dtype=torch.uint8)
    arguments = (torch.ones(1, 32), weight, torch.ones(2, 1), 32)
    assert first.run(*arguments, **first.tunables).tolist() == [[32.0, 32.0]]
    (tmp_path / "mine.py").write_text(VARIANT.replace("return (", "return 2 * ("))
    second = load_variant("int4_mm", "./mine.py", tmp_path)
    assert second.run(*arguments).tolist() == [[64.0, 64.0]] and first.run(*arguments).tolist() == [[32.0, 32.0]]
    assert second.source_hash != first.source_hash


def test_a_file_finds_what_lies_beside_it_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed comes first: nothing beside a variant takes its place."""
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_a_variant.py").write_text("TIMES = 3\n")
    (tmp_path / "msgspec.py").write_text("raise RuntimeError\n")
    text = VARIANT.replace("return (", "return TIMES * (")
    (tmp_path / "mine.py").write_text(f"import msgspec\nfrom beside_a_variant import TIMES\n{text}")
    found = load_variant("int4_mm", "./mine.py", tmp_path)
    weight = torch.full((2, 16), 0x99, dtype=torch.uint8)
    assert found.run(torch.ones(1, 32), weight, torch.ones(2, 1), 32).tolist() == [[96.0, 96.0]]


def test_a_dotted_path_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the import path, or from the suite's folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "dotted_variant_pkg").mkdir()
    (tmp_path / "dotted_variant_pkg" / "idea.py").write_text(VARIANT)
    loaded = load_variant("int4_mm", "dotted_variant_pkg.idea", tmp_path)
    assert loaded.run is sys.modules["dotted_variant_pkg.idea"].run
    assert loaded.tunables["block_n"] == 64


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("import no_such_module_at_all", "8: ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("raise ValueError('two\\nlines')", "8: ValueError: two"),
        ("def broken(): return 1 / 0\nbroken()", "8: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(line: str, wanted: str, tmp_path: Path) -> None:
    """File and line that failed, the error and its first line; nothing half-imported stays behind."""
    (tmp_path / "bad.py").write_text(VARIANT.replace("import torch\n", f"import torch\n\n\n\n\n{line}\n", 1))
    with pytest.raises(VariantNotLoaded) as raised:
        load_variant("int4_mm", "./bad.py", tmp_path)
    assert str(raised.value) == f"{tmp_path / 'bad.py'}:{wanted}"
    assert not [name for name in sys.modules if "from_file_bad" in name]
