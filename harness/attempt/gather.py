"""Writes a function of a notebook or program as the text of a variant's file, with everything of its own that it
uses."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import symtable
import textwrap
import types
from collections.abc import Callable
from typing import Any

from harness.errors import HarnessError
from harness.suite.own_op import RUN


def variant_text(function: Callable[..., Any]) -> str:
    """Return a file that defines the function as `run`, with the functions, Triton kernels, modules and constants it
    uses.

    Raises HarnessError for a value that cannot be written down: a tensor, an open file, a function without source.
    """
    lines: dict[str, str] = {}
    _gather(function.__name__, function, lines)
    own = lines.pop(function.__name__)
    renamed = re.sub(rf"^def {re.escape(function.__name__)}\b", "def run", own, count=1, flags=re.MULTILINE)
    imports = [text for text in lines.values() if text.startswith(("import ", "from "))]
    others = [text for text in lines.values() if text not in imports]
    return "\n".join(["from __future__ import annotations\n", *sorted(imports), "", *others, "", renamed]) + "\n"


def _gather(name: str, value: Any, lines: dict[str, str]) -> None:
    """Add the definition of the name to `lines`, after the definitions that it uses."""
    if name in lines:
        return
    if isinstance(value, types.ModuleType):
        lines[name] = f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else "")
        return
    function = getattr(value, "fn", value)  # a Triton kernel holds the function that it was made of
    if inspect.isfunction(function) and _is_own(function):
        text = _source(name, function)
        lines[name] = ""  # its place is after what it uses; a function that calls itself ends here
        around = dict(zip(function.__code__.co_freevars, _cells(function), strict=False))
        known = {**function.__globals__, **around}
        for other in sorted(_global_names(symtable.symtable(text, name, "exec"))):
            if other in known and not hasattr(builtins, other):
                _gather(other, known[other], lines)
        del lines[name]
        lines[name] = text
        return
    if _is_literal(value):
        lines[name] = f"{name} = {value!r}"
        return
    module, own_name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module and own_name and own_name.isidentifier() and module != "__main__":
        lines[name] = f"from {module} import {own_name}" + (f" as {name}" if name != own_name else "")
        return
    if type(value).__module__ == "triton.language.core" and hasattr(value, "value"):
        lines[name] = f"{name} = tl.constexpr({value.value!r})"
        return
    raise HarnessError(f"{name}: a {type(value).__name__} cannot be put into a file of its own; pass it as a tunable")


def _global_names(table: symtable.SymbolTable) -> set[str]:
    """The names that a text reads and does not bind itself, so neither parameters nor locals."""
    outermost = table.get_type() == "module"
    own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global())}
    return own.union(*(_global_names(child) for child in table.get_children()))


def _cells(function: types.FunctionType) -> list[Any]:
    """The values that a nested function takes from the function around it."""
    return [cell.cell_contents for cell in function.__closure__ or ()]


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, RecursionError):
        return False


def _is_own(function: types.FunctionType) -> bool:
    """Whether the notebook, the program or a loose file defines it. Installed functions are imported instead."""
    return function.__module__ == "__main__" or "site-packages" not in (inspect.getsourcefile(function) or "")


def _source(name: str, function: types.FunctionType) -> str:
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip() + "\n\n"
    except (OSError, TypeError) as error:
        raise HarnessError(f"{name}: its source text cannot be read ({error}); put it into a file") from error
    return _as_def(text, function) if function.__name__ == "<lambda>" else text


def _as_def(text: str, function: types.FunctionType) -> str:
    """A lambda as a function `run`. Raises HarnessError where its line holds several lambdas or only half of a
    statement."""
    try:
        found = [node for node in ast.walk(ast.parse(text.strip())) if isinstance(node, ast.Lambda)]
    except SyntaxError:
        found = []
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    found = [node for node in found if tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args)) == wanted]
    if len(found) != 1:
        raise HarnessError("the text of this lambda cannot be found from its line; write it as a def")
    return f"def {RUN}({ast.unparse(found[0].args)}):\n    return {ast.unparse(found[0].body)}\n\n"
