"""The ptxas that is found without Triton is the one that Triton uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.device.ptxas import ptxas_path, ptxas_release, ptxas_version

triton_knobs = pytest.importorskip("triton.knobs")


@pytest.mark.parametrize("capability", [80, 90, 100, 120])
def test_path_and_release_are_those_of_triton(capability: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blackwell has one of its own."""
    for name in ("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH"):
        monkeypatch.delenv(name, raising=False)
    nvidia = triton_knobs.nvidia
    tool = nvidia.ptxas_blackwell if capability >= 100 else nvidia.ptxas
    found, release = ptxas_path(capability), ptxas_release(capability)
    assert found is not None and Path(found).samefile(tool.path)
    assert release is not None and release.startswith(tool.version)
    line = ptxas_version(capability)
    assert line is not None and line.startswith("Build ")


def test_a_path_that_was_set_is_taken_unless_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Triton: then its own is."""
    own = ptxas_path(90)
    mine = tmp_path / "ptxas"
    monkeypatch.setenv("TRITON_PTXAS_PATH", str(mine))
    assert ptxas_path(90) == own
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert ptxas_path(90) == str(mine)
