"""Packings of a file, recognised by its first bytes: gzip, xz, bzip2, zstd."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import IO, cast

from harness.errors import HarnessError

GZIP, ZSTD, XZ, BZIP2 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh"


DAMAGE = (OSError, lzma.LZMAError, zlib.error)
"""Errors of these streams where their content is broken; EOFError where it is cut off."""


def opener(start: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """The function that opens a file with this start; None for a file that is not packed."""
    return next((opened for magic, opened in OPENERS.items() if start.startswith(magic)), None)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """The content of a file that stands at its start, read as a stream.

    Raises HarnessError for zstd where no decompressor is installed.
    """
    start = file.read(6)
    file.seek(-len(start), io.SEEK_CUR)
    opened = opener(start)
    return opened(file) if opened else file


def _zstd(file: IO[bytes]) -> IO[bytes]:
    """Open with the standard library (3.14), with the zstandard package, or with the program `zstd`."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.open(file)
    try:
        import zstandard  # type: ignore[import-not-found,unused-ignore]  # where somebody installed it
    except ImportError:
        pass
    else:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    program = shutil.which("zstd")
    if program is None:
        raise HarnessError("packed with zstd: install the zstandard package or the zstd program, or unpack it first")
    return cast(IO[bytes], _Program(program, file))


class _Program(io.RawIOBase):
    """The output of a program that reads a file."""

    def __init__(self, program: str, file: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(size)

    def close(self) -> None:
        if not self.closed:
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process.terminate()
            self._process.wait()
        super().close()


OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    GZIP: lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    XZ: lzma.LZMAFile,
    BZIP2: bz2.BZ2File,
    ZSTD: _zstd,
}
