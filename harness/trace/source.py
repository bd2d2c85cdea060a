"""The text of a trace file, piece by piece, whatever it is packed in: recognised by content, not by name."""

from __future__ import annotations

import codecs
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from harness.errors import HarnessError

PIECE_BYTES = 1 << 20
GZIP = b"\x1f\x8b"


def read_text(path: Path, quality: dict[str, int]) -> Iterator[str]:
    """Pieces of the decompressed text. Damage ends the text early and is counted in `quality`.

    Raises HarnessError where there is no such file or it is empty.
    """
    try:
        with path.open("rb") as file:
            head = file.read(2)
            if not head:
                raise HarnessError(f"{path}: empty; wanted a trace as torch.profiler exports it")
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror or error}") from error
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for piece in _pieces(path, head == GZIP, quality):
        text = decoder.decode(piece)
        if "\ufffd" in text:
            quality["undecodable_bytes"] = quality.get("undecodable_bytes", 0) + text.count("\ufffd")
        yield text
    yield decoder.decode(b"", final=True)


def _pieces(path: Path, compressed: bool, quality: dict[str, int]) -> Iterator[bytes]:
    with path.open("rb") as raw:
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if compressed else raw)
        try:
            first = stream.read(PIECE_BYTES)
            if first[257:262] == b"ustar":
                yield from _member(path, compressed)
                return
            while first:
                yield first
                first = stream.read(PIECE_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            quality["truncated_compression"] = 1


def _member(path: Path, compressed: bool) -> Iterator[bytes]:
    """The largest file of an archive."""
    with tarfile.open(path, "r:gz" if compressed else "r:") as archive:
        largest = max((m for m in archive if m.isfile()), key=lambda m: m.size, default=None)
        stream = archive.extractfile(largest) if largest else None
        if stream is None:
            raise HarnessError(f"{path}: an archive without a file in it")
        packed = cast(io.BufferedReader, stream).peek(2)[:2] == GZIP
        inner = cast(IO[bytes], gzip.GzipFile(fileobj=stream) if packed else stream)
        while piece := inner.read(PIECE_BYTES):
            yield piece
