"""Each Triton kernel's text as torch.compile copies it into the module that it makes: kernel, what it calls, constants.

`python -m tests.kernels.copied` prints a JSON object: kernel -> what is wrong with the copy, or null.
"""

from __future__ import annotations

import builtins
import dis
import importlib.util
import json
import tempfile
from pathlib import Path

from torch._inductor.codegen.wrapper import user_defined_triton_kernel_transitive_closure_source_code as copy_of
from triton import JITFunction

from harness import kernels_root
from harness.kernels_root import module
from tests.conftest import REPOSITORY

HEAD = "import triton\nimport triton.language as tl\n\n\n@triton.jit\n"


def problem(kernel: JITFunction, folder: Path) -> str | None:
    """Why the copy is no module of its own; None where it is one."""
    path = folder / f"{kernel.fn.__name__}.py"
    path.write_text(HEAD + copy_of(kernel))
    spec = importlib.util.spec_from_file_location(f"copied_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(found)
    except NameError as error:
        return str(error)
    names = {*vars(found), *vars(builtins)}
    copied = [value for value in vars(found).values() if isinstance(value, JITFunction)]
    loads = {i.argval for value in copied for i in dis.Bytecode(value.fn) if i.opname == "LOAD_GLOBAL"}
    missing = sorted(loads - names)
    return f"not copied: {', '.join(missing)}" if missing else None


def main() -> None:
    kernels_root.bind(REPOSITORY / "kernels")
    problems = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((REPOSITORY / "kernels").glob("**/*.py")):
            if "import triton" not in path.read_text():
                continue
            name = ".".join(path.relative_to(REPOSITORY / "kernels").with_suffix("").parts)
            loaded = module(name)
            for kernel in vars(loaded).values():
                if isinstance(kernel, JITFunction) and kernel.fn.__module__ == loaded.__name__:
                    problems[f"{name}.{kernel.fn.__name__}"] = problem(kernel, Path(folder))
    print(json.dumps(problems))


if __name__ == "__main__":
    main()
