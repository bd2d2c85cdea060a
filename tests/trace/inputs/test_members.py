"""What is given is expanded to the traces in it, whatever holds them, and each says where it came from."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.trace.inputs.members import trace_files
from harness.trace.inputs.titles import told_apart
from tests.trace.made import KERNELS, SUM_NS, text

TEXT = text(KERNELS).encode()
OTHER = b'{"schema": "1.1.1-chakra.0.0.4", "pid": 1, "nodes": []}'


def titles(*given: Path) -> list[str]:
    with trace_files(given) as files:
        return [file.title for file in files]


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(names: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    program = shutil.which("zstd")
    if program is None:
        pytest.skip("no zstd on this machine")
    return subprocess.run([program, "-qc"], input=content, capture_output=True, check=True).stdout


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, zstd, lambda data: zipped({"t": data})])
def test_a_packed_trace_is_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """By its first bytes, whatever it is called."""
    path = tmp_path / "trace"
    path.write_bytes(pack(TEXT))
    with trace_files([path]) as files:
        assert [breakdown(file.path, load_rules()).kernel_sum_ns for file in files] == [SUM_NS]


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_an_archive_gives_all_its_traces(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    """In natural order; what is no trace is passed over, and so is what a file system left."""
    names = {"j/host_et.json": OTHER, "j/rank10.json": TEXT, "j/rank9.json.gz": gzip.compress(TEXT), "j/._rank9": b"{"}
    path = tmp_path / "job.archive"
    path.write_bytes(pack(names))
    assert titles(path) == [f"{path}:j/rank9.json.gz", f"{path}:j/rank10.json"]
    path.write_bytes(pack({"a/../../evil.json": TEXT}))
    assert titles(path) == [f"{path}:a/../../evil.json"] and not (tmp_path.parent / "evil.json").exists()


def test_a_cut_archive_gives_what_is_before_the_cut(tmp_path: Path) -> None:
    """As a broken download leaves it."""
    path = tmp_path / "job.tar"
    path.write_bytes(tarred({"rank0.json": TEXT, "rank1.json": TEXT}, "w")[: len(TEXT) + 2048])
    assert titles(path)[0] == f"{path}:rank0.json"


def test_folders_and_patterns_are_expanded(tmp_path: Path) -> None:
    """What `tensorboard_trace_handler` leaves, and a folder a rank."""
    for name in ("h_2.178.pt.trace.json", "h_10.178.pt.trace.json.gz", "rank0/t.json", "notes.txt", ".t.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(TEXT)
    wanted = [str(tmp_path / name) for name in ("h_2.178.pt.trace.json", "h_10.178.pt.trace.json.gz", "rank0/t.json")]
    assert titles(tmp_path) == wanted
    assert titles(tmp_path / "h_*") == wanted[:2]
    assert titles(tmp_path / "**" / "t.json") == wanted[2:]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", zipped({"x.txt": b"hello"}), "an archive without a JSON trace in it \\(x.txt\\)"),
        ("a.tar.gz", tarred({"x/y.json": OTHER}), "an archive without a JSON trace in it \\(x/y.json\\)"),
        ("folder/x.txt", b"", "a folder without a trace"),
    ],
    ids=["zip", "tar", "folder"],  # an archive has the time at which it was made in it: no name that stays
)
def test_where_no_trace_is_one_line_says_it(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """With the names that are there."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=words):
        titles(path.parent if name.startswith("folder") else path)
    with pytest.raises(HarnessError, match="no file has such a name"):
        titles(tmp_path / "absent*.json")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["a/t.json", "b/t.json"], ["a/t.json", "b/t.json"]),
        (["x/rank0/t.json", "x/rank1/t.json"], ["rank0/t.json", "rank1/t.json"]),
        (["x/a.json", "y/b.json"], ["a.json", "b.json"]),
        (["x/a.json", "x/a.json"], ["a.json", "a.json"]),
        (["x/job.tar.gz:r0/t.json", "x/job.tar.gz:r1/t.json"], ["r0/t.json", "r1/t.json"]),
        (["t.json", "x/t.json"], ["t.json", "x/t.json"]),
        (["/x/t.json"], ["t.json"]),
    ],
)
def test_titles_are_told_apart(given: list[str], wanted: list[str]) -> None:
    """By the part of their paths that differs."""
    assert told_apart(given) == wanted
