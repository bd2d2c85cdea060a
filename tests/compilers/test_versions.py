"""A version becomes a folder of its own, once, whatever happens on the way; nothing else is written."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from harness.compilers.installing import newest_release
from harness.compilers.versions import INTERPRETER, find_compiler, find_compilers, installed_version
from harness.errors import HarnessError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def wheel(folder: Path, version: str = "9.9.9", package: str = "triton") -> Path:
    """A wheel named Triton, with one empty module."""
    folder.mkdir(exist_ok=True)
    path, facts = folder / f"triton-{version}-py3-none-any.whl", f"triton-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{package}/__init__.py", f"__version__ = '{version}'\n")
        file.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: triton\nVersion: {version}\n")
        file.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{facts}/RECORD", "")
    return path


def test_a_version_is_installed_once_from_a_folder_of_wheels(tmp_path: Path, cache: Path) -> None:
    for version in ("9.9.9", "9.10.0"):
        wheel(tmp_path / "wheels", version)
    said: list[str] = []
    first = find_compiler("9.9.9", tmp_path / "wheels", said.append)
    again = find_compiler("9.9.9", tmp_path / "nowhere", said.append)
    assert first == again and len(said) == 1
    assert (
        first.site == cache / "compilers" / f"9.9.9-{INTERPRETER}" / "site"
        and (first.site / "triton" / "__init__.py").is_file()
    )
    assert find_compiler("newest", tmp_path / "wheels").triton == "9.10.0", "by numbers, not by letters"
    environment = first.environment
    assert environment["PYTHONPATH"].startswith(str(first.site))
    assert environment["TRITON_CACHE_DIR"] == str(first.folder / "triton")


def test_private_wheels_are_known_by_their_bytes(tmp_path: Path) -> None:
    """Two builds of one version are two compilers, with results of their own."""
    one, other = wheel(tmp_path / "a"), wheel(tmp_path / "b")
    with zipfile.ZipFile(other, "a") as file:
        file.writestr("triton/patch.py", "PATCHED = True\n")
    first, second = find_compiler(str(one)), find_compiler(str(other))
    assert (first.triton, second.triton) == ("9.9.9", "9.9.9") and first.folder != second.folder
    (tmp_path / "c").mkdir()
    copy = shutil.copy(one, tmp_path / "c" / one.name)
    with pytest.raises(HarnessError, match="the same build as"):
        find_compilers([str(one), str(copy)])


def test_a_source_build_is_used_where_it_lies_and_another_build_has_other_results(tmp_path: Path) -> None:
    package = tmp_path / "src" / "python" / "triton"
    (package / "_C").mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '3.10.0+git1'\n")
    with pytest.raises(HarnessError, match="has no libtriton: build it first"):
        find_compiler(str(tmp_path / "src"))
    (package / "_C" / "libtriton.cpython-27-x86_64-linux-gnu.so").write_bytes(b"1")
    with pytest.raises(HarnessError, match=r"libtriton\.cpython-27-x86_64-linux-gnu\.so is of another Python than"):
        find_compiler(str(tmp_path / "src"))
    (package / "_C" / "libtriton.so").write_bytes(b"1")
    first = find_compiler(str(tmp_path / "src"))
    assert (first.triton, first.site) == ("3.10.0+git1", package.parent)
    (package / "_C" / "libtriton.so").write_bytes(b"22")
    assert find_compiler(str(tmp_path / "src")).folder != first.folder


def test_the_newest_of_a_folder_is_the_newest_that_this_python_can_use(tmp_path: Path) -> None:
    made = wheel(tmp_path, "3.9.0")
    for other in ("4.0.0-cp27-cp27m-win32", "3.10.0.dev1-py3-none-any", "broken"):
        shutil.copy(made, tmp_path / f"triton-{other}.whl")
    assert newest_release(tmp_path) == "3.9.0"
    made.unlink()
    assert newest_release(tmp_path) == "3.10.0.dev1", "where there is no release"
    (tmp_path / "triton-3.10.0.dev1-py3-none-any.whl").unlink()
    with pytest.raises(HarnessError, match="no wheel of Triton for this Python in it, only 1 for another"):
        newest_release(tmp_path)
    with pytest.raises(HarnessError, match="no such folder"):
        newest_release(tmp_path / "nowhere")


def test_no_version_is_installed_where_another_name_is_wrong(tmp_path: Path, cache: Path) -> None:
    wheel(tmp_path)
    with pytest.raises(HarnessError, match="--triton what: no such compiler"):
        find_compilers(["9.9.9", "what"], tmp_path)
    assert not cache.exists()


def test_an_installation_that_was_killed_is_removed_by_the_next_call(tmp_path: Path, cache: Path) -> None:
    folder = cache / "compilers" / f"9.9.9-{INTERPRETER}"
    old, present = folder / "site.1", folder / "site.2"
    for left in (old, present):
        left.mkdir(parents=True)
    os.utime(old, (0, 0))
    find_compiler("9.9.9", wheel(tmp_path).parent)
    assert not old.exists() and present.exists(), "a present one may be another process'"


def test_the_installed_one_needs_no_folder() -> None:
    here = installed_version()
    if here is None:
        pytest.skip("no Triton here")
    assert find_compiler(here).site is None and find_compiler("installed").folder == find_compiler(here).folder
    with pytest.raises(HarnessError, match="the same build as"):
        find_compilers(["installed", here])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("what", "--triton what: no such compiler; allowed: a version"),
        ("./nothing.whl", "--triton ./nothing.whl: no such file or folder; allowed: a version"),
        ("1" + "a" * 60 + "!", "no such compiler"),
        ("./nothing", "--triton ./nothing: no such file or folder; allowed: a version"),
    ],
)
def test_another_name_is_told_what_is_allowed(name: str, said: str) -> None:
    with pytest.raises(HarnessError, match=said):
        find_compiler(name)


def test_what_cannot_be_installed_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HarnessError, match=r"--triton 3\.3\.3: ERROR: No matching distribution"):
        find_compiler("3.3.3", tmp_path / "empty")
    other = wheel(tmp_path / "a", package="another")
    with pytest.raises(HarnessError, match="no package triton in it"):
        find_compiler(str(other))
    assert not list(cache.rglob("site*"))
