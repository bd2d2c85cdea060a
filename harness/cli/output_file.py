"""A file that an option names: `--markdown FILE`, `--csv FILE`."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError


def write(option: str, file: Path, content: str | bytes, *, make_folder: bool = False) -> None:
    """Write the file. Raises HarnessError, naming the option, where it cannot be written. make_folder: the option names
    a folder, which is created."""
    try:
        if make_folder:
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise HarnessError(
            f"{option} {file}: cannot be written: {error.strerror or error}; name another file"
        ) from error


def write_markdown(file: str, text: str) -> None:
    """Write text to a file, or for `-` to standard output."""
    if file == "-":
        print(text)
    else:
        write("--markdown", Path(file), text + "\n")
