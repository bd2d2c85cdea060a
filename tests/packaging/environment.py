"""Virtual environments to install into, and commands run outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path


class Environment:
    """Sees torch and the rest beside this interpreter, but installs and removes on its own."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.packages = next(folder.glob("lib/python*/site-packages"))
        # Only a path: what an editable install beside this interpreter would hook in does not take part.
        paths = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        (self.packages / "beside_the_tests.pth").write_text("".join(f"{path}\n" for path in paths))

    def pip(self, *arguments: str | Path) -> None:
        run(sys.executable, "-m", "pip", "--quiet", "--python", str(self.python), *map(str, arguments))

    def says(self, code: str, folder: Path | None = None) -> str:
        """What a script prints, run in `folder`; an empty one where it does not matter."""
        return run(str(self.python), "-c", code, folder=folder or self.packages.parent)


def run(*command: str, folder: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS"))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=clean, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
