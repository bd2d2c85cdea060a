"""A live profile costs what it has to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def test_a_profile_imports_no_compiler_and_leaves_it_importable() -> None:
    """It takes seconds to import."""
    program = """
import sys, torch
from pathlib import Path
from harness.decode.profile import _record
from harness.device.cpu import CpuDevice
_record(lambda: torch.ones(3) + 1, CpuDevice(), 1, Path(sys.argv[1]))
assert "torch._inductor" not in sys.modules
assert "_inductor" in torch._lazy_modules
"""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", program, f"{folder}/trace.json"], check=True)
        assert Path(folder, "trace.json").stat().st_size
