"""The bytes of a trace file, piece by piece, in any packing, which is recognised by content and not by name."""

from __future__ import annotations

import codecs
import io
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.errors import HarnessError
from harness.trace.inputs.packing import DAMAGE, GZIP, opener

PIECE_BYTES = 1 << 20
TAR = slice(257, 262), b"ustar"
ZIP = b"PK\x03\x04"
OTHER_ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_pieces(path: Path, quality: Counter[str]) -> Iterator[bytes]:
    """The decompressed bytes of a trace as UTF-8. Damage of the packing ends them early and is counted in `quality`.

    Raises HarnessError where the file is missing, empty or packed in another way.
    """
    try:
        with path.open("rb") as file:
            yield from _as_utf8(_unpacked(path, file, quality))
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error


def _unpacked(path: Path, file: IO[bytes], quality: Counter[str]) -> Iterator[bytes]:
    pieces = _inflated(file, quality)
    first = next(pieces, b"")
    if not first:
        what = "nothing readable in it" if quality else "empty"
        raise HarnessError(f"{path}: {what}; wanted a trace as torch.profiler exports it")
    if first[TAR[0]] == TAR[1]:
        yield from _member(path, _Joined(first, pieces), quality)
        return
    if first.startswith(ZIP):
        raise HarnessError(f"{path}: a damaged zip archive; its list of files, which stands at its end, is missing")
    yield first
    yield from pieces


def _inflated(file: IO[bytes], quality: Counter[str]) -> Iterator[bytes]:
    """The content of a file, decompressed where it is gzip; several gzip members are one text."""
    data = file.read(PIECE_BYTES)
    opened = opener(data)
    if opened is not None and not data.startswith(GZIP):
        file.seek(0)
        yield from _streamed(opened(file), quality)
        return
    if not data.startswith(GZIP):
        while data:
            yield data
            data = file.read(PIECE_BYTES)
        return
    yield from _ahead(_members(data, file, quality))


def _streamed(stream: IO[bytes], quality: Counter[str]) -> Iterator[bytes]:
    """The bytes of a decompressing stream until its end or its damage."""
    while True:
        try:
            piece = stream.read(PIECE_BYTES)
        except EOFError:
            quality["truncated_compression"] += 1
            return
        except DAMAGE:
            quality["damaged_compression"] += 1
            return
        if not piece:
            return
        yield piece


def _ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, with the next one made on another core meanwhile: zlib releases the interpreter's lock."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, pieces, b"")
        while piece := coming.result():
            coming = pool.submit(next, pieces, b"")
            yield piece


def _members(data: bytes, file: IO[bytes], quality: Counter[str]) -> Iterator[bytes]:
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while data:
        before = member.copy()
        try:
            text = member.decompress(data, PIECE_BYTES)
        except zlib.error:
            quality["damaged_compression"] += 1
            yield from _until_damage(before, data)
            return
        if text:
            yield text
        data = member.unconsumed_tail
        if member.eof:
            data = (member.unused_data + file.read(PIECE_BYTES)).lstrip(b"\0")
            if not data.startswith(GZIP):
                return
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        elif not data:
            data = file.read(PIECE_BYTES)
    quality["truncated_compression"] += 1


def _until_damage(member: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Decompress byte by byte, to recover the text before an error that makes a single call return nothing."""
    parts = []
    try:
        for at in range(len(data)):
            parts.append(member.decompress(data[at : at + 1]))
    except zlib.error:
        yield b"".join(parts)


def _member(path: Path, joined: _Joined, quality: Counter[str]) -> Iterator[bytes]:
    """The first file of an archive that holds JSON; later ones are counted. Skips files of a file system (`._x`)."""
    found = False
    try:
        with tarfile.open(fileobj=joined, mode="r|") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None or Path(member.name).name.startswith("."):
                    continue
                if found:
                    quality["other_files_in_archive"] += 1
                    continue
                pieces = _inflated(stream, quality)
                first = next(pieces, b"")
                if first.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"["):
                    found = True
                    yield first
                    yield from pieces
    except tarfile.TarError:
        quality["damaged_compression"] += 1
    if not found:
        raise HarnessError(f"{path}: an archive without a JSON file in it; wanted a trace as torch.profiler exports it")


class _Joined(io.RawIOBase):
    """A file over pieces of bytes, as far as tarfile's stream mode needs one."""

    def __init__(self, first: bytes, rest: Iterator[bytes]) -> None:
        self._ahead, self._rest = first, rest

    def read(self, size: int = -1, /) -> bytes:
        parts, have = [self._ahead], len(self._ahead)
        while have < size:
            piece = next(self._rest, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        text = b"".join(parts)
        self._ahead = text[size:]
        return text[:size]


def _as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    encoding = OTHER_ENCODINGS.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(first).encode()
    for piece in pieces:
        yield decoder.decode(piece).encode(errors="replace")
