"""A file is what its bytes say, whatever its name; broken packings keep what could be unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.trace.source import read_pieces
from tests.trace.made import KERNELS, text

TEXT = text(KERNELS).encode()


def read(path: Path) -> tuple[bytes, Counter[str]]:
    quality: Counter[str] = Counter()
    return b"".join(read_pieces(path, quality)), quality


def archive(files: dict[str, bytes], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]),
        gzip.compress(TEXT) + b"\0" * 512,
        archive({"rank0.json": TEXT}, "w"),
        archive({"rank0.json": TEXT}, "w:gz"),
        archive({"README": b"see below", "._rank0.json": b"{}", "rank0.json": TEXT}, "w:gz"),
        archive({"rank0.json.gz": gzip.compress(TEXT)}, "w:gz"),
        b"\xef\xbb\xbf" + TEXT,
        TEXT.decode().encode("utf-16"),
    ],
    ids=["plain", "gzip", "members", "padded", "tar", "tar.gz", "tar beside others", "gzip in tar", "BOM", "UTF-16"],
)
@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t"])
def test_a_file_is_read_by_what_it_holds(tmp_path: Path, content: bytes, name: str) -> None:
    """No suffix is believed, and nothing is said of a file that is whole."""
    path = tmp_path / name
    path.write_bytes(content)
    assert read(path) == (TEXT, Counter())


def test_a_cut_gzip_gives_what_is_before_the_cut(tmp_path: Path) -> None:
    """As a crash of the writer, or of a download, leaves it."""
    many = TEXT * 500
    packed = gzip.compress(many)
    path = tmp_path / "t.gz"
    path.write_bytes(packed[: len(packed) // 2])
    found, quality = read(path)
    assert len(found) > len(many) // 4 and many.startswith(found) and quality == {"truncated_compression": 1}


def test_a_damaged_gzip_gives_what_is_before_the_damage(tmp_path: Path) -> None:
    """A wrong checksum at the end costs nothing."""
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 255
    path = tmp_path / "t.gz"
    path.write_bytes(bytes(packed))
    assert read(path) == (TEXT, Counter({"damaged_compression": 1}))


def test_a_second_trace_in_an_archive_is_counted(tmp_path: Path) -> None:
    """One of several ranks is read, and that there are more is said."""
    path = tmp_path / "t.tar"
    path.write_bytes(archive({"0.json": TEXT, "1.json": TEXT}, "w"))
    assert read(path) == (TEXT, Counter({"other_files_in_archive": 1}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x1f\x8b\x00", "nothing readable"),
        (b"PK\x03\x04....", "damaged zip"),
        (archive({"README": b"hello"}, "w"), "without a JSON file"),
    ],
)
def test_what_cannot_be_unpacked_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    """The file and what is wrong with it."""
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=rf"t\.json: .*{message}"):
        read(path)
    with pytest.raises(HarnessError, match=r"absent\.json"):
        read(tmp_path / "absent.json")
    with pytest.raises(HarnessError, match="directory"):
        read(tmp_path)
