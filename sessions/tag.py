"""Tags HEAD as a release: `python -m sessions.tag`, with `--check` only the question whether it may be tagged.

The version stands in `harness/__init__.py` alone. Nothing is pushed or published: that is a person's act.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sessions.changelog import ROOT, Malformed, section_of

VERSION = re.compile(r"^__version__ = \"(.+)\"$", re.MULTILINE)


def version_of(root: Path = ROOT) -> str:
    """The version of the tree below `root`."""
    match = VERSION.search((root / "harness" / "__init__.py").read_text(encoding="utf-8"))
    if match is None:
        raise SystemExit('harness/__init__.py: no line __version__ = "..."')
    return match[1]


def refusals(root: Path = ROOT) -> list[str]:
    """Why HEAD may not be tagged as its version, a sentence each; empty where it may."""
    version, found = version_of(root), list[str]()
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        found.append(f"uncommitted: {len(changed)}, the first {changed[0].strip()}: commit or remove them")
    try:
        section = section_of(version, root)
        if section is None:
            found.append(f"CHANGELOG.md has no section ## [{version}] - DATE")
        elif not section.groups:
            found.append(f"the section of {version} in CHANGELOG.md is empty")
    except (Malformed, ValueError) as error:
        found.append(f"CHANGELOG.md: {error}")
    if _git(root, "tag", "--list", f"v{version}"):
        found.append(f"the tag v{version} is there already: raise __version__ in harness/__init__.py")
    return found


def tag(root: Path = ROOT) -> str:
    """Makes the annotated tag of HEAD, with the changelog's section as its message; its name."""
    version = version_of(root)
    section = section_of(version, root)
    assert section is not None
    message = f"kernel-harness {version}\n\n{section.text}\n"
    _git(root, "tag", "--annotate", "--cleanup=whitespace", "--message", message, f"v{version}")
    return f"v{version}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def main(arguments: Sequence[str]) -> None:
    if found := refusals():
        raise SystemExit("\n".join(f"not tagged: {reason}" for reason in found))
    if "--check" not in arguments:
        name = tag()
        print(f"tagged {name}. To publish, as CONTRIBUTING says: git push origin {name}; twine upload dist/*")


if __name__ == "__main__":
    main(sys.argv[1:])
