"""The compiler that CXX names, held against the distribution's own: made-up folders of programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.doctor import compilers
from harness.export import settings
from harness.values.finding import Finding


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A g++, a link to it, and one that wraps another compiler."""
    for name in ("g++", "wrapped"):
        (tmp_path / name).write_text("#!/bin/sh\necho 13.3.0\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "c++").symlink_to(tmp_path / "g++")
    return tmp_path


def finding(folder: Path, cxx: str = "", gpu: bool = True) -> Finding:
    path = os.pathsep.join((str(folder), "/nothing"))
    (found,) = compilers.findings(gpu, {"PATH": path, **({"CXX": cxx} if cxx else {})})
    return found


def test_the_compiler_whose_packages_crash_is_found_and_the_remedy_said(programs: Path) -> None:
    """On a GPU, CXX names another program than the distribution's g++: packages would crash as they are loaded."""
    found = finding(programs, "wrapped")
    assert found.status == "warn" and "CXX=wrapped" in found.text and found.remedy.startswith("CXX=g++ ")
    assert finding(programs, "wrapped", gpu=False).status == "ok"
    for usual in ("", "g++", "c++", str(programs / "g++")):
        assert finding(programs, usual).status == "ok", usual
    (programs / "g++").unlink()
    assert "install g++" in finding(programs, "wrapped").remedy


def test_no_compiler_is_missing(programs: Path) -> None:
    """Also where CXX names one that is not there."""
    assert finding(programs, "nowhere") == Finding(
        "C++ compiler", "missing", "CXX=nowhere: there is no such program: torch.compile fails", "unset CXX"
    )
    assert finding(programs / "empty").status == "missing"


def test_the_engine_takes_the_distributions_compiler_on_a_gpu(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    """Whatever CXX says; on a CPU it takes what CXX says, and each time empty caches."""
    monkeypatch.setenv("CXX", "wrapped")
    monkeypatch.setenv("PATH", str(programs))
    found = settings.environment(True, programs / "cache")
    assert found["CXX"] == "g++" and found["TORCHINDUCTOR_CACHE_DIR"] == str(programs / "cache")
    assert settings.environment(False, programs)["CXX"] == "wrapped"
