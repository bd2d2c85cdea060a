"""PTX that multiplies int4 words by one vector on tensor cores, with the fewest instructions a weight.

A warp has 16 rows and up to 16 groups of 128 values of k. Lane 4 g + t holds four words of row g and of row g + 8 for
each group, as loads of 16 bytes. That is the A operand of `mma.m16n8k16` for any k, if the B operand has the same.
Masked in place, nibbles are pairs of subnormal bfloat16 numbers, q 2^-133 or 16 times that. A word costs four logic
operations, a shift and half of two products. Activations carry 2^100, or 2^96.

B has eight columns for one vector. Column j of B is group j of the vector: lane 4 g + t holds its part of group g. So
a whole vector is spread over the lanes, and no value is loaded twice. The product of group j's weights is taken with
all columns, and column j of its result is kept, by the lanes t = j / 2. Each lane ends with the sums of its own two
groups (of every eight) for two rows, and multiplies them by their scales. One sum over lanes and warps is left. The
zero point needs one product of a constant matrix with the same B.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

GROUP = 128
"""Values of k of a chunk, one scale each."""
MOST_CHUNKS = 16
"""Groups of a row that one warp holds in registers: 128 of them with two rows a lane."""
_UNSCALE = "0f50000000"
"""2^33, the factor that makes a sum of products what it is without the scales of nibbles and activations."""
_ACTIVATION_SCALE = "0x6f807180"
"""A pair of bfloat16: 2^100 for the even k, 2^96 for the odd, whose nibble counts 16-fold."""


def tile_fits(rows: int, k: int, group: int, warps: int, dtype: str) -> str | None:
    """The reason why a matrix [rows, k] cannot be multiplied by `tile_asm`; None where it can."""
    if dtype != "bfloat16":
        return f"activations are bfloat16, not {dtype}"
    if group != GROUP:
        return f"groups of {GROUP}, not {group}"
    chunks, rest = divmod(k, GROUP * warps)
    if rest or chunks not in (2, 4, 8, 16):
        return f"{k} columns are not 2, 4, 8 or 16 groups for each of {warps} warps"
    return f"its {rows} rows are no multiple of 16" if rows % 16 else None


WORDS = 4
"""Words of a row in each lane and group."""


class _Tile:
    """The product of a warp's tile over `chunks` groups; operands from $0 and, its inputs, from $`entry` on."""

    def __init__(self, chunks: int, entry: int, source: str) -> None:
        self.chunks, self.source = chunks, source
        self.sets = -(-chunks // 8)
        names = ("upper", "lower", "upper_scale", "lower_scale", "x")
        self.entry = {name: f"${entry + i}" for i, name in enumerate(names)}

    def r(self, name: str, *at: int) -> str:
        return name + "_".join(map(str, at))

    def loads(self) -> list[str]:
        """Words and scales of the matrix: nothing here depends on another kernel."""
        lines = []
        for c in range(self.chunks):
            for half, name in (("u", "upper"), ("l", "lower")):
                words = ", ".join(self.r(half, c, i) for i in range(WORDS))
                at = f"[{self.entry[name]}+{64 * c}]"
                lines.append(f"ld.global.nc.v{WORDS}.b32 {{{words}}}, {at};")
        for half, name in (("u", "upper_scale"), ("l", "lower_scale")):
            for s in range(self.sets):
                scale, at = self.r("s" + half, s), f"[{self.entry[name]}+{16 * s}]"
                lines.append(f"mov.b32 {scale}, 0;")
                guard = {2: "@t0 ", 4: "@t01 "}.get(self.chunks, "")
                lines.append(f"{guard}ld.global.nc.b32 {scale}, {at};")
        return lines

    def activations(self) -> list[str]:
        """The lane's part of the vector as operands B, scaled, and the zero point's sums."""
        plain, space = self.source == "plain", "shared" if self.source == "normed" else "global"
        first = "own" if self.source == "normed" else self.entry["x"]
        stride = 16 if plain else 64 * min(self.chunks, 8)
        lines = []
        for s in range(self.sets):
            for i in range(WORDS):
                words = ", ".join(self.r("x" if plain else "b", s, i, n) for n in range(4))
                lines.append(f"ld.{space}.v4.b32 {{{words}}}, [{first}+{2048 * s + stride * i}];")
        for s in range(self.sets):
            lines += [f"mov.f32 {self.r('z', s, n)}, 0f00000000;" for n in range(4)]
            for i in range(WORDS):
                if plain:
                    x, b = ([self.r(name, s, i, n) for n in range(4)] for name in "xb")
                    lines += _operands(x, b)
                for p in (0, 2):
                    b_pair = ", ".join(self.r("b", s, i, p + n) for n in (0, 1))
                    lines.append(_mma(self.r("z", s), ("zero_even", "zero_even", "zero_odd", "zero_odd"), b_pair))
        return lines

    def products(self, together: int) -> list[str]:
        """All chunks, `together` of them interleaved: products of one follow each other."""
        lines = [f"mov.f32 {self.r('acc', s, n)}, 0f00000000;" for s in range(self.sets) for n in range(4)]
        for first in range(0, self.chunks, together):
            chunks = range(first, min(first + together, self.chunks))
            lines += [f"mov.f32 {self.r('d', c % together, n)}, 0f00000000;" for c in chunks for n in range(4)]
            for i in range(WORDS):
                for p in (0, 2):
                    for c in chunks:
                        lines += self._product(c, i, p, c % together)
            for c in chunks:
                guard, parity = f"t{c % 8 // 2}", c % 2
                for n, d in ((0, parity), (2, 2 + parity)):
                    source = self.r("d", c % together, d)
                    lines.append(f"@{guard} mov.f32 {self.r('acc', c // 8, n + parity)}, {source};")
        return lines

    def _product(self, c: int, i: int, p: int, chain: int) -> list[str]:
        lines: list[str] = []
        names: list[str] = []
        for mask in ("0x000f000f", "0x00f000f0"):
            for half in "ul":
                word = self.r(half, c, i)
                if p == 2 and mask == "0x000f000f":
                    lines.append(f"shr.u32 {word}, {word}, 8;")
                name = f"a{len(names)}_{chain}"
                lines.append(f"and.b32 {name}, {word}, {mask};")
                names.append(name)
        b = ", ".join(self.r("b", c // 8, i, p + n) for n in (0, 1))
        return [*lines, _mma(self.r("d", chain), tuple(names), b)]

    def results(self) -> list[str]:
        """Four outputs: the sums of the lane's even and odd groups, of its upper row, then of its lower one."""
        lines = []
        for n in range(4):
            lines.append(f"mov.f32 ${n}, 0f00000000;")
            for s in range(self.sets):
                scale = self.r("s" + "ul"[n // 2], s)
                take = f"and.b32 f, {scale}, 0xffff0000;" if n % 2 else f"shl.b32 f, {scale}, 16;"
                acc, zero = self.r("acc", s, n), self.r("z", s, n)
                lines += [take, "mov.b32 v, f;", f"add.f32 {acc}, {acc}, {zero};"]
                lines.append(f"mul.f32 {acc}, {acc}, {_UNSCALE};")  # before a scale that may be subnormal
                lines.append(f"fma.rn.f32 ${n}, {acc}, v, ${n};")
        return lines

    def registers(self, together: int) -> list[str]:
        every = range(WORDS)
        words = [self.r(h, c, i) for h in "ul" for c in range(self.chunks) for i in every]
        words += [self.r(v, s, i, n) for v in "xb" for s in range(self.sets) for i in every for n in range(4)]
        words += [self.r("s" + h, s) for h in "ul" for s in range(self.sets)]
        floats = [self.r(v, s, n) for v in ("acc", "z") for s in range(self.sets) for n in range(4)]
        floats += [self.r("d", c, n) for c in range(together) for n in range(4)]
        return [f".reg .b32 {', '.join(words)};", f".reg .f32 {', '.join(floats)};"]


def _operands(x: Sequence[str], b: Sequence[str]) -> list[str]:
    """Four pairs (k, k + 4), scaled, of eight values of k in their order; registers `m0` to `m3` are used."""
    lines = [f"mul.rn.bf16x2 m{n}, {x[n]}, two_to_100;" for n in range(4)]
    for p in range(4):
        select = "0x7632" if p % 2 else "0x5410"
        lines.append(f"prmt.b32 {b[p]}, m{p // 2}, m{p // 2 + 2}, {select};")
    return lines


def _normed(entries: Sequence[str], k: int, chunks: int, warps: int) -> list[str]:
    """The norm of x + y without its root into shared memory, as operands B, by all threads; `squares` of a thread.

    A thread takes every `32 warps`-th piece of eight values, so that what a warp loads is contiguous.
    """
    columns, threads = min(chunks, 8), 32 * warps
    lines = [f".shared .align 16 .b8 vector[{2 * k}];", ".reg .b32 piece, place, from, base;"]
    lines += [f".reg .b32 {', '.join(f'{v}{n}' for n in range(4))};" for v in ("h", "y", "w", "b")]
    lines += ["mov.u32 base, vector;", "mov.f32 squares, 0f00000000;"]
    for first in range(0, k // 8, threads):
        at = 16 * first
        for name, entry in zip("hyw", entries, strict=True):
            lines.append(f"ld.global.v4.b32 {{{', '.join(f'{name}{n}' for n in range(4))}}}, [{entry}+{at}];")
        for n in range(4):
            lines += [f"add.rn.bf16x2 h{n}, h{n}, y{n};", f"shl.b32 f, h{n}, 16;", "mov.b32 v, f;"]
            lines += ["fma.rn.f32 squares, v, v, squares;", f"and.b32 f, h{n}, 0xffff0000;", "mov.b32 v, f;"]
            lines += ["fma.rn.f32 squares, v, v, squares;", f"fma.rn.bf16x2 h{n}, h{n}, w{n}, h{n};"]
        lines += _operands([f"h{n}" for n in range(4)], [f"b{n}" for n in range(4)])
        # piece = 16 chunk + 4 t + i lies behind whole sets of columns at i, column, t
        lines += ["mov.u32 piece, %tid.x;", f"add.u32 piece, piece, {first};"]
        lines += [
            f"shr.u32 from, piece, {(16 * columns).bit_length() - 1};",
            f"mul.lo.u32 place, from, {256 * columns};",
        ]
        lines += ["and.b32 from, piece, 3;", f"mul.lo.u32 from, from, {64 * columns};", "add.u32 place, place, from;"]
        lines += ["shr.u32 from, piece, 2;", f"and.b32 from, from, {4 * columns - 1};", "mul.lo.u32 from, from, 16;"]
        lines += ["add.u32 place, place, from;", "add.u32 place, place, base;"]
        lines.append("st.shared.v4.b32 [place], {b0, b1, b2, b3};")
    lines += ["bar.sync 0;", "mov.u32 own, %tid.x;", "shr.u32 from, own, 5;"]
    lines += [f"mul.lo.u32 from, from, {256 * chunks};", f"and.b32 own, own, {4 * columns - 1};"]
    return [*lines, "mul.lo.u32 own, own, 16;", "add.u32 own, own, from;", "add.u32 own, own, base;"]


def _mma(d: str, a: Sequence[str], b: str) -> str:
    sums = "{" + ", ".join(f"{d}{'_' if d[-1].isdigit() else ''}{n}" for n in range(4)) + "}"
    shape = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"
    return f"{shape} {sums}, {{{', '.join(a)}}}, {{{b}}}, {sums};"


@cache
def tile_asm(
    chunks: int, early: bool = False, source: str = "ready", together: int = 4, warps: int = 0,
) -> str:  # fmt: skip
    """PTX of the product of a warp's tile over `chunks` groups, of which `together` are interleaved.

    Outputs: four float32, by row (upper, lower) and group (even, odd). Inputs: addresses of the lane's
    words in both rows, of both rows' scales for its groups, of its part of the vector. `early`: wait for the kernel
    before between weights and activations, then let the next one start. `source` of the vector:

    - `plain`: it is as it is.
    - `ready`: it is in the order of `int4_tile.ready_position`, scaled.
    - `normed`: it is the norm of the sum of two vectors, and `warps` share the groups. The last three inputs are the
      addresses of the thread's first eight values of both and of the norm's weight. The last output is the thread's
      part of the sum of squares.
    """
    normed = source == "normed"
    outputs = 4 + normed
    tile = _Tile(chunks, outputs, source)
    lines = [
        ".reg .pred t0, t1, t2, t3, t01;",
        ".reg .b32 t, f, zero_even, zero_odd, two_to_100, m0, m1, m2, m3, own;", ".reg .f32 v, squares;",
        *(f".reg .b32 a{n}_{c};" for n in range(4) for c in range(together)),
        *tile.registers(together),
        "mov.u32 t, %laneid;", "and.b32 t, t, 3;",
        *(f"setp.eq.u32 t{n}, t, {n};" for n in range(4)), "setp.lt.u32 t01, t, 2;",
        "mov.b32 zero_even, 0x80088008;", "mov.b32 zero_odd, 0x80808080;",
        f"mov.b32 two_to_100, {_ACTIVATION_SCALE};",
    ]  # fmt: skip
    lines += tile.loads()
    lines += ["griddepcontrol.wait;", "griddepcontrol.launch_dependents;"] if early else []
    if normed:
        entries = [f"${outputs + 4 + n}" for n in range(3)]
        lines += _normed(entries, GROUP * chunks * warps, chunks, warps)
    lines += [*tile.activations(), *tile.products(min(together, chunks)), *tile.results()]
    if normed:
        lines.append(f"mov.f32 ${outputs - 1}, squares;")
    return "{\n" + "\n".join(lines) + "\n}"


def tile_constraints(normed: bool = False) -> str:
    """Constraints of the operands of `tile_asm`, whose results are written before all inputs are read."""
    outputs = ["=&f"] * (4 + normed)
    return ",".join([*outputs, *["l"] * (5 + 2 * normed)])
