"""Traces without data that identifies a machine."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

HOST = re.compile(rb'("(?:traceName|host_?name)": )"[^"]*"')
"""torch writes the path of the export, which is a temporary one, and the name of the host."""


def without_host(text: bytes) -> bytes:
    return HOST.sub(rb'\1""', text)


def write_without_host(trace: Path, path: Path) -> None:
    """Write a gzipped copy, line by line: a trace may be larger than the memory."""
    with trace.open("rb") as lines, gzip.GzipFile(path, "wb", mtime=0) as file:
        for line in lines:
            file.write(without_host(line))
