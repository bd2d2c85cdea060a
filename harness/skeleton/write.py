"""Writes a starter suite and op into a user's folder."""

from __future__ import annotations

import keyword
from pathlib import Path

from harness.errors import HarnessError

FILES = {"py": "op.j2", "yaml": "suite.j2"}
"""Suffix of each written file, and its template beside this module."""


def write_skeleton(folder: Path, name: str) -> list[Path]:
    """Write `NAME.py`, an op with a kernel, and `NAME.yaml`, its suite; return the paths. Raises HarnessError where the
    name is not valid for a Python module, a file exists already (nothing is written then), or the folder cannot be
    made."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise HarnessError(
            f"--name {name}: no name for a Python module; allowed: letters, digits and _, no digit first"
        )
    targets = {folder / f"{name}.{suffix}": template for suffix, template in FILES.items()}
    for file in targets:
        if file.exists() or file.is_symlink():
            raise HarnessError(f"{file}: there already, and left as it is; --name gives the new files another name")
    for file, template in targets.items():
        text = _rendered(template, name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"{file}: cannot be written: {error.strerror or error}") from None
    return list(targets)


def _rendered(template: str, name: str) -> str:
    import jinja2

    source = Path(__file__).with_name(template).read_text(encoding="utf-8")
    made = jinja2.Template(source, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return made.render(name=name, title=f"{name.replace('_', ' ').capitalize()}, a kernel beside torch")
