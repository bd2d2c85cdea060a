"""Inline PTX of kernels on the CPU: a warp's instructions, one after the other, on the memory of host tensors.

`install` lets Triton's interpreter run kernels with such assembly. Only the instructions that the kernels use are
known; another one raises. Products of tensor cores are exact sums here, rounded once to float32.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

LANES = 32
BITS = {"b16": np.uint16, "b32": np.uint32, "u32": np.uint32, "s32": np.int32, "f32": np.float32, "b64": np.uint64,
        "u64": np.uint64, "u16": np.uint16, "l": np.uint64, "r": np.uint32, "f": np.float32}  # fmt: skip


def emulate(asm: str, outputs: Sequence[str], inputs: Sequence[tuple[str, np.ndarray]]) -> list[np.ndarray]:
    """Run one warp or, where the text has a barrier, all of a program. `outputs`: constraint letters; `inputs`: letter
    and values of the threads. Returns the outputs."""
    warp = _Warps(len(inputs[0][1]))
    for i, letter in enumerate(outputs):
        warp.set(f"${i}", np.full(warp.threads, 0xDEAD, BITS[letter]))
    for i, (letter, values) in enumerate(inputs):
        warp.set(f"${len(outputs) + i}", np.asarray(values).astype(BITS[letter]))
    warp.run(asm)
    return [warp.get(f"${i}", BITS[letter]) for i, letter in enumerate(outputs)]


class _Warps:
    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.registers: dict[str, np.ndarray] = {}
        self.shared = np.zeros(1 << 16, np.uint8)
        self.variables: dict[str, int] = {}

    def get(self, name: str, kind: Any) -> np.ndarray:
        if name in self.registers:
            value = self.registers[name]
            return value if value.dtype == bool else value.view(kind)
        if name == "%laneid":
            return np.arange(self.threads, dtype=np.uint32) % LANES
        if name == "%tid.x":
            return np.arange(self.threads, dtype=np.uint32)
        if name in self.variables:
            return np.full(self.threads, self.variables[name], np.uint32)
        size = np.dtype(kind).itemsize
        number = int(name[2:], 16) if name.startswith("0f") else int(name, 0)
        return np.full(self.threads, number & (2 ** (8 * size) - 1)).astype(f"u{size}").view(kind)

    def set(self, name: str, value: np.ndarray, only: np.ndarray | None = None) -> None:
        if only is not None and not only.all():
            before = self.registers.get(name, np.zeros(LANES, value.dtype))
            before = before if before.dtype == bool else before.view(value.dtype)
            value = np.where(only, value, before)
        self.registers[name] = value

    def run(self, asm: str) -> None:
        statements, labels, shared = _parsed(asm)
        for name, size in shared:
            self.variables[name] = sum(size for _, size in shared[: shared.index((name, size))])
        at = 0
        while at < len(statements):
            guard, operation, operands = statements[at]
            only = self.registers[guard] if guard else None
            at += 1
            if operation.startswith("bra"):
                assert only is None or only.all() or not only.any(), f"a warp that parts at {operands}"
                at = labels[operands[0]] if only is None or only.all() else at
            else:
                self.step(operation, operands, only)

    def step(self, operation: str, operands: list[Any], only: np.ndarray | None) -> None:
        name, *kinds = operation.split(".")
        kind = BITS.get(kinds[-1], np.uint32) if kinds else np.uint32
        if name == "ld":
            self.load(kind, operands, only, shared="shared" in kinds)
        elif name == "st":
            self.store(kind, operands, only)
        elif name == "bar":
            pass
        elif name == "mma":
            self.multiply(operands)
        elif name == "setp":
            a, b = (self.get(o, kind) for o in operands[1:])
            self.set(operands[0], {"eq": a == b, "ne": a != b, "lt": a < b}[kinds[0]])
        elif name == "redux":
            values = self.get(operands[1], kind)
            found = {"max": np.max, "min": np.min}[kinds[1]](values.reshape(-1, LANES), axis=1)
            self.set(operands[0], np.repeat(found, LANES).astype(kind), only)
        elif name == "cvt":
            self.set(operands[0], self.get(operands[1], BITS[kinds[1]]).astype(BITS[kinds[0]]), only)
        elif name == "prmt":
            a, b, how = (self.get(o, np.uint32) for o in operands[1:])
            both = a.astype(np.uint64) | (b.astype(np.uint64) << np.uint64(32))
            found = np.zeros(self.threads, np.uint64)
            for byte in range(4):
                pick = (how.astype(np.uint64) >> np.uint64(4 * byte)) & np.uint64(7)
                found |= ((both >> (pick * np.uint64(8))) & np.uint64(255)) << np.uint64(8 * byte)
            self.set(operands[0], found.astype(np.uint32), only)
        elif kinds[-1] == "bf16x2":
            self.pairs(name, operands, only)
        elif operation == "mul.wide.u32":
            a, b = (self.get(o, np.uint32).astype(np.uint64) for o in operands[1:])
            self.set(operands[0], a * b, only)
        else:
            with np.errstate(over="ignore"):
                self.set(operands[0], _PLAIN[name](*(self.get(o, kind) for o in operands[1:])).astype(kind), only)

    def addresses(self, operand: str, size: int) -> np.ndarray:
        base, _, offset = operand.strip("[]").partition("+")
        kind = self.registers[base].dtype if base in self.registers else np.uint64
        found = self.get(base, f"u{np.dtype(kind).itemsize}").astype(np.int64) + int(offset or 0)
        assert not (found % size).any() or size > 16, f"{operand} is not aligned to {size} bytes"
        return found

    def load(self, kind: Any, operands: list[Any], only: np.ndarray | None, shared: bool) -> None:
        targets = operands[0] if isinstance(operands[0], list) else [operands[0]]
        size = np.dtype(kind).itemsize * len(targets)
        values = np.zeros((self.threads, len(targets)), kind)
        for thread, where in enumerate(self.addresses(operands[1], size)):
            if only is None or only[thread]:
                found = self.shared[where : where + size] if shared else ctypes.string_at(int(where), size)
                values[thread] = np.frombuffer(found, kind)
        for i, target in enumerate(targets):
            self.set(target, values[:, i].copy(), only)

    def store(self, kind: Any, operands: list[Any], only: np.ndarray | None) -> None:
        sources = operands[1] if isinstance(operands[1], list) else [operands[1]]
        values = np.stack([self.get(source, kind) for source in sources], axis=1)
        size = values[0].nbytes
        for thread, where in enumerate(self.addresses(operands[0], size)):
            if only is None or only[thread]:
                self.shared[where : where + size] = values[thread].view(np.uint8)

    def pairs(self, name: str, operands: list[Any], only: np.ndarray | None) -> None:
        values = [_unpaired(self.get(o, np.uint32)) for o in operands[1:]]
        result = {"add": np.add, "mul": np.multiply, "fma": lambda a, b, c: a * b + c}[name](*values)
        self.set(operands[0], _paired(result), only)

    def multiply(self, operands: list[Any]) -> None:
        """m16n8k16 of bfloat16: lane 4 g + t has rows g and g + 8 of A and column g of B."""
        d, a, b, c = operands
        left, right = (_unpaired(np.stack([self.get(r, np.uint32) for r in side])) for side in (a, b))
        sums = np.stack([self.get(r, np.float32) for r in c]).astype(np.float32)
        for first in range(0, self.threads, LANES):
            own = slice(first, first + LANES)
            product = left[..., own].reshape(-1)[_LEFT].reshape(16, 16) @ right[..., own].reshape(-1)[_RIGHT].reshape(
                16, 8
            )
            sums[:, own] += product[_ROWS, _COLUMNS]
        for n in range(4):
            self.set(d[n], sums[n])


def _places() -> tuple[np.ndarray, np.ndarray]:
    """Where the elements of A, and of B, row after row, lie among [half, register, lane]."""
    row, k = np.divmod(np.arange(256), 16)
    register, lane = row // 8 + 2 * (k // 8), row % 8 * 4 + k % 8 // 2
    k_b, column = np.divmod(np.arange(128), 8)
    return (k % 2 * 4 + register) * LANES + lane, (k_b % 2 * 2 + k_b // 8) * LANES + column * 4 + k_b % 8 // 2


_LEFT, _RIGHT = _places()
_N, _LANE = np.mgrid[:4, :LANES]
_ROWS, _COLUMNS = _LANE // 4 + 8 * (_N // 2), 2 * (_LANE % 4) + _N % 2
"""Of each register of the result and lane."""

_PLAIN: dict[str, Callable[..., Any]] = {
    "mov": lambda a: a, "and": np.bitwise_and, "xor": np.bitwise_xor, "add": np.add, "sub": np.subtract,
    "shr": lambda a, b: a >> b, "shl": lambda a, b: a << b, "mul": np.multiply, "max": np.maximum,
    "fma": lambda a, b, c: (a.astype(np.float64) * b + c).astype(np.float32),
}  # fmt: skip


@cache
def _parsed(asm: str) -> tuple[list[tuple[str, str, list[Any]]], dict[str, int], list[tuple[str, int]]]:
    """Guard, operation and operands of each statement, the statement behind each label, and variables in shared memory
    with their sizes."""
    shared = [(name, int(size)) for name, size in re.findall(r"\.shared \.align 16 \.b8 (\w+)\[(\d+)\]", asm)]
    found: list[tuple[str, str, list[Any]]] = []
    labels: dict[str, int] = {}
    for line in asm.strip("{} \n").split("\n"):
        text = line.strip()
        if label := re.match(r"(\w+):", text):
            labels[label[1]] = len(found)
            text = text[label.end() :]
        for statement in (part.strip() for part in text.split(";")):
            if statement and not statement.startswith((".", "griddepcontrol")):
                guard, operation, rest = re.fullmatch(r"(?:@(\w+) )?([\w.:]+) ?(.*)", statement).groups()  # type: ignore[union-attr]
                found.append((guard or "", operation, _operands(rest)))
    return found, labels, shared


def _operands(rest: str) -> list[Any]:
    found: list[Any] = []
    for part in re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s][^,]*", rest):
        found.append([p.strip() for p in part.strip("{}").split(",")] if part.startswith("{") else part.strip())
    return found


def _unpaired(words: np.ndarray) -> np.ndarray:
    """[2, .., 32] float64: lower and upper bfloat16."""
    return np.stack([(words << 16).view(np.float32), (words & np.uint32(0xFFFF0000)).view(np.float32)]).astype(float)


def _paired(values: np.ndarray) -> np.ndarray:
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return (rounded[0] & 0xFFFF) | (rounded[1] << 16)


def install() -> None:
    """Let the interpreter's `inline_asm_elementwise` run the assembly, warp after warp."""
    import triton.language as tl
    from triton.runtime import interpreter

    def called(asm: Any, constraints: Any, args: Sequence[Any], dtype: Any, is_pure: bool, pack: int, **_: Any) -> Any:
        text, letters = (getattr(v, "value", v) for v in (asm, constraints))
        outputs = [part.strip("=&") for part in letters.split(",") if part.startswith("=")]
        inputs = [part for part in letters.split(",") if not part.startswith("=")]
        data = np.broadcast_arrays(*(np.asarray(a.handle.data) for a in args))
        assert data[0].size % LANES == 0 and pack == 1
        together = data[0].size if "bar.sync" in text else LANES
        parts = [
            emulate(text, outputs, [(k, v[first : first + together]) for k, v in zip(inputs, data, strict=True)])
            for first in range(0, data[0].size, together)
        ]
        kinds = dtype if isinstance(dtype, tuple | list) else (dtype,)
        results = []
        for i, kind in enumerate(kinds):
            kind = getattr(kind, "value", kind)
            values = np.concatenate([p[i] for p in parts])
            if kind.is_int():
                values = values.view(np.int32)
            handle = interpreter.TensorHandle(values, kind)
            results.append(tl.core.tensor(handle, tl.core.block_type(kind, list(values.shape))))
        return tuple(results) if len(results) > 1 else results[0]

    interpreter_of = tl.core
    tl.inline_asm_elementwise = interpreter_of.inline_asm_elementwise = called
