"""The meaningful part of a kernel's name, without misleading parts: arguments, namespaces inside of templates, joined
words.

`void fbgemm_gpu::permute_2D_data_kernel<false, at::Half>(int*)` has the namespace `fbgemm_gpu` and the words
`permute_2_d_data_kernel<false, half>`, so that no part of the library's name is taken for a matmul.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CLONE = re.compile(r"( \[clone [^\]]*\]| \[?\(?\.kd\)?\]?|\.kd)+$")
SCOPE = re.compile(r"(?:\(anonymous namespace\)|<unnamed>|\b[A-Za-z_]\w*)::")
CAMEL = re.compile(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])")
CUTE = re.compile(r"^kernel_cutlass_(?:kernel_)?(.*?)(?:_object_at_.*|_tensor\w*ptr.*)?$")
"""Names of CuTe's Python DSL: module and class run together, then the addresses and types of the arguments."""
RETURNED = re.compile(r"^std::enable_if<.*?>::type (?=\S)")
MANGLED = re.compile(r"_Z\w+")
TOKEN = re.compile(r"(\d+)|S[0-9A-Z]*_|T\d*_|L[a-z]n?\d+E|DF16[b_]|.", re.DOTALL)
"""Token of a mangled name: the length of an identifier, a substitution, a literal, a type with digits, or one
letter."""


LONGEST, TOO_LONG = 10_000, re.compile(r"(\w{300})\w+")
"""Most characters of a name, and of one identifier in it, that are split into words: rules take the square of the
latter. The longest identifiers of libraries have some 200."""


class KernelName(NamedTuple):
    """bare: without arguments. namespace: of the function, `a::b`. words: function and template in lower case,
    separated by `_`, without any namespace."""

    bare: str
    namespace: str
    words: str


def kernel_name(name: str) -> KernelName:
    """The parts of a kernel's name, as the compiler writes it, mangled (Itanium), or of CuTe's Python DSL."""
    bare = without_arguments(name)
    cute = CUTE.match(bare)
    if cute:
        return KernelName(bare, "", words(cute[1]))
    whole = _demangled(bare) if MANGLED.match(bare) else RETURNED.sub("", bare)
    function, bracket, template = whole.partition("<")
    if function.endswith("::"):  # `a::<unnamed>::f`
        function, bracket, template = whole, "", ""
    path = "".join(SCOPE.findall(function)).replace("(anonymous namespace)::", "").replace("<unnamed>::", "")
    return KernelName(bare, path.removesuffix("::"), words(SCOPE.sub("", function) + bracket + SCOPE.sub("", template)))


def words(text: str) -> str:
    """`BatchDecodeWithPagedKVCache` -> `batch_decode_with_paged_kv_cache`."""
    text = TOO_LONG.sub(lambda m: m[1], text[:LONGEST])
    return CAMEL.sub(lambda m: f"{m[1]}_{m[2]}" if m[1] else f"{m[3]}_", text).lower()


def without_arguments(name: str) -> str:
    """`void f<int4>(int4*, float)` -> `f<int4>`: the type of an argument says nothing about the kernel's purpose."""
    name = CLONE.sub("", name)
    if name.endswith(")"):
        depth = 0
        for at in range(len(name) - 1, -1, -1):
            depth += (name[at] == ")") - (name[at] == "(")
            if depth == 0:
                name = name[:at].rstrip() or name
                break
    return name.removeprefix("void ")


def _demangled(name: str) -> str:
    """The identifiers of a mangled name, as `a::f<Type, b::Other`. A template begins at the first `I` after an
    identifier, and an identifier directly before another is its namespace."""
    found = ""
    at, depth = 2, 0
    while at < len(name):
        token = TOKEN.match(name, at)
        assert token is not None
        at = token.end()
        if token[1] is None:
            continue
        identifier, at = name[at : at + int(token[1][:4])], at + int(token[1][:4])
        if found and not found.endswith("::"):
            found += ", " if depth else "<"
            depth = 1
        found += identifier + ("::" if name[at : at + 1].isdigit() else "")
    return found or name
