"""The command line answers at once: what it does not need it does not import."""

from __future__ import annotations

import json
import subprocess
import sys

AUDIT = """
import json, sys
import harness.cli.main as program
sys.argv = ["harness", *{arguments}]
try:
    program.main()
except SystemExit:
    pass
print("\\n" + json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""
HEAVY = {"jinja2", "matplotlib", "msgspec", "numpy", "pynvml", "scipy", "sqlalchemy", "torch", "triton", "yaml"}


def _imported(*arguments: str) -> set[str]:
    script = AUDIT.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    """`harness --help` names every command without loading what any of them works with."""
    assert not _imported("--help") & HEAVY


def test_the_audit_sees_a_heavy_import() -> None:
    """The planted fault: a command that does load torch is caught by the same audit."""
    assert "torch" in _imported("doctor", "--no-bandwidth")
