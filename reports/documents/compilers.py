"""The document of `harness compilers --json`."""

from __future__ import annotations

from harness.values.compilers import CompilerMatrix

from .encoding import extended, of, text

CompilersDocument = extended("CompilersDocument", CompilerMatrix, exit_status=int)
"""`rows`, each with a cell for every version and target: binaries, compile time and the verdict against the version in
use."""


def matrix_text(found: CompilerMatrix) -> str:
    return text(of(CompilersDocument, found, exit_status=int(found.exit_status)))
