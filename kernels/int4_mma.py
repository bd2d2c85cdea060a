"""Triton building blocks that multiply int4 words by up to eight vectors on tensor cores, without moving a weight.

A warp's tile is 16 rows by 128 k, one group at most, as two tensors of 8 x 16 words. Lane 4 g + t holds four words of
row g, and of row g + 8. That is the layout of the A operand of `mma.m16n8k16`, for any k of these words, as long as the
B operand has the same k. So a weight goes from a load of 16 bytes to the product in the register that received it. One
logic operation and one multiply-add make two exact bfloat16 numbers (q - 8) / 64 of two nibbles of a word. The sum over
k needs no shuffle. Masked in place, a nibble in the lower half of a bfloat16 is the subnormal number q 2^-133, one
above it 16 times that (bit 7 belongs to the exponent, whose first two values are one scale). Sums are float32; no range
is lost.

Tiles of all chunks and blocks of rows are stacked in tensors [8 m s, 16]. The compiler has to give these the layout
`WARP_LAYOUT`: 16 words, four to a load, leave no other where there are as many tiles as warps (a test reads it from the
compiled kernel). In the interpreter the same tensors come from plain operations.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .tensor_cores import INTERPRETED

CHUNK = 128
"""Values of k that one tile of a warp sums up: 16 words."""
WARP_LAYOUT = "sizePerThread = [1, 4], threadsPerWarp = [8, 4], order = [1, 0]"
MOST_TOKENS = 8
UNSCALE = tl.constexpr(64.0)
"""Factor of each scale: weights are taken as (q - 8) / 64."""


def chunks_fit(k: int, group: int) -> str | None:
    """The reason why rows of `k` int4 values in groups of `group` cannot be read in chunks; None where they can."""
    if group % CHUNK:
        return f"the group {group} is no multiple of {CHUNK}"
    return f"its {k} columns are no multiple of {CHUNK}" if k % CHUNK else None


def _mma_asm() -> str:
    """$0..$3: c0, c1 of the upper rows, 0, 0; $4..$7: 0, 0, c2, c3 of the lower rows. $8..$11: four words of an upper
    row, $12..$15: of a lower one; $16..$31: pair p of activations of word i at 16 + 4 p + i."""
    lines = [
        ".reg .b32 u, even, odd, zero_point;",
        *(f".reg .b32 {half}{p};" for half in "ab" for p in range(4)),
        *(f".reg .f32 {chain}{i};" for chain in "cd" for i in range(4)),
    ]
    lines += ["mov.b32 even, 0x7f007f00;", "mov.b32 odd, 0x7d007d00;", "mov.b32 zero_point, 0xbe00be00;"]
    lines += [f"mov.f32 {chain}{i}, 0f00000000;" for chain in "cd" for i in range(4)]
    for word in range(4):
        for half, first in (("a", 8), ("b", 12)):
            for p in range(4):
                source = f"${first + word}" if p < 2 else "u"
                if p == 2:
                    lines.append(f"shr.u32 u, ${first + word}, 8;")
                lines.append(f"and.b32 {half}{p}, {source}, {'0x00f000f0' if p % 2 else '0x000f000f'};")
                lines.append(f"fma.rn.bf16x2 {half}{p}, {half}{p}, {'odd' if p % 2 else 'even'}, zero_point;")
        c = "cd"[word % 2]
        sums = f"{{{c}0, {c}1, {c}2, {c}3}}"
        for p in (0, 2):
            x = [f"${16 + 4 * (p + i) + word}" for i in (0, 1)]
            lines.append(
                f"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {sums}, {{a{p}, b{p}, a{p + 1}, b{p + 1}}}, "
                f"{{{x[0]}, {x[1]}}}, {sums};"
            )
    lines += ["add.f32 $0, c0, d0;", "add.f32 $1, c1, d1;", "mov.f32 $2, 0f00000000;", "mov.f32 $3, 0f00000000;"]
    lines += ["mov.f32 $4, 0f00000000;", "mov.f32 $5, 0f00000000;", "add.f32 $6, c2, d2;", "add.f32 $7, c3, d3;"]
    return "{\n" + "\n".join(lines) + "\n}"


MMA_ASM = tl.constexpr(_mma_asm())


def _pairs_asm() -> str:
    """$0..$15: pair p of word i at 4 p + i; $16: address of the four words' first activations; $20: predicate."""
    names = [f"u{i}" for i in range(16)]
    lines = [".reg .pred p;", *(f".reg .b32 {name};" for name in names), "setp.ne.u32 p, $20, 0;"]
    lines += [f"mov.b32 {name}, 0;" for name in names]
    for i in range(4):
        lines.append(f"@p ld.global.v4.b32 {{{', '.join(names[4 * i : 4 * i + 4])}}}, [$16 + {16 * i}];")
    for i in range(4):
        for p in range(4):
            low, high = names[4 * i + p // 2], names[4 * i + p // 2 + 2]
            lines.append(f"prmt.b32 ${4 * p + i}, {low}, {high}, {'0x5410' if p % 2 == 0 else '0x7632'};")
    return "{\n" + "\n".join(lines) + "\n}"


PAIRS_ASM = tl.constexpr(_pairs_asm())
SCALE_ASM = tl.constexpr("""{
    .reg .pred p; .reg .b16 s; .reg .b32 w;
    setp.ne.u32 p, $8, 0;
    mov.b16 s, 0;
    @p ld.global.b16 s, [$4];
    cvt.u32.u16 w, s;
    shl.b32 w, w, 16;
    mov.b32 $0, w; mov.b32 $1, w; mov.b32 $2, w; mov.b32 $3, w;
}""")


@triton.jit
def tile_rows(M: tl.constexpr, S: tl.constexpr, WARPS: tl.constexpr):
    """Block, chunk and row in the tile for the rows of a tensor [8 m s, 16], each [8 m s, 1].

    Tiles go to the warps in turn; chunks are dealt so that a warp's are adjacent: 64 bytes of a row are half of a
    memory transfer.
    """
    i = tl.arange(0, M * S * 8)[:, None]
    s = i // 8 % S
    return i // (8 * S), s % WARPS * (S // WARPS) + s // WARPS, i % 8


@triton.jit
def load_chunks(weight, scale, row, chunk, ok, K: tl.constexpr, GROUP: tl.constexpr):
    """Words and scales [8 m s, 16], int32 and float32, of rows and chunks [8 m s, 1]; zero where not `ok`.

    Scales are bfloat16; each is loaded by the threads that multiply with it.
    """
    word = tl.arange(0, 16)[None, :]
    words = tl.load(weight + (row.to(tl.int64) * (K // 8) + chunk * 16) + word, mask=ok, other=0)
    at = scale + row.to(tl.int64) * (K // GROUP) + chunk // (GROUP // 128)
    if INTERPRETED:
        scales = tl.load(at, mask=ok, other=0.0).to(tl.float32) + tl.zeros((1, 16), tl.float32)
    else:
        zero = word * 0
        scales = tl.inline_asm_elementwise(
            SCALE_ASM, "=r,=r,=r,=r,l,l,l,l,r,r,r,r", [at.to(tl.int64) + zero, ok.to(tl.int32) + zero],
            dtype=tl.float32, is_pure=False, pack=4,
        )  # fmt: skip
    return words, scales * UNSCALE


@triton.jit
def load_pairs(x, chunk, ok):
    """Return four int32 tensors [8 m s, 16]: pair p holds values p and p + 4 of the eight of each word, zero where not
    `ok`.

    `x`: bfloat16 vectors aligned to 16 bytes, or their addresses [8 m s, 1]. `chunk`, `ok`: [8 m s, 1]. A thread loads
    its own operands, 64 bytes at a time: a compiler's load would have a layout of its own and go through shared memory.
    """
    word = tl.arange(0, 16)[None, :]
    if INTERPRETED:
        at = x + (chunk * 16 + word) * 8
        return _pair(at, ok, 0), _pair(at, ok, 1), _pair(at, ok, 2), _pair(at, ok, 3)
    else:
        address = x.to(tl.int64) + (chunk * 16 + word) * 16
        return tl.inline_asm_elementwise(
            PAIRS_ASM, "=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,=r,l,l,l,l,r,r,r,r",
            [address, ok.to(tl.int32) + word * 0],
            dtype=(tl.int32, tl.int32, tl.int32, tl.int32), is_pure=False, pack=4,
        )  # fmt: skip


@triton.jit
def _pair(at, ok, P: tl.constexpr):
    low = tl.load(at + P, mask=ok, other=0.0).to(tl.int16, bitcast=True).to(tl.int32)
    high = tl.load(at + P + 4, mask=ok, other=0.0).to(tl.int16, bitcast=True).to(tl.int32)
    return (low & 0xFFFF) | (high << 16)


@triton.jit
def pinned(words, anywhere):
    """words [8 m s, 16], unchanged.

    The last load in the text decides the layout of everything that it meets. Without this one the load of the scales
    would decide, and the sums would go through shared memory to meet them. The load is never made, and is removed once
    the compiler learns that a grid is not empty.
    """
    at = tl.arange(0, words.shape[0])[:, None] * 16 + tl.arange(0, 16)[None, :]
    return words | tl.load(anywhere + at, mask=tl.num_programs(0) < 0, other=0)


@triton.jit
def products(upper, lower, p0, p1, p2, p3):
    """Sums over a chunk, before its scale, as two tensors [8 m s, 16] float32.

    `upper`, `lower`: words [8 m s, 16] of eight rows a tile each. `p0` .. `p3`: pairs of activations of the same words,
    of token r in row r of a tile. In row r of a tile and column 4 t + i, the first result has upper row r by token 2 t
    + i for i = 0, 1 and else zero. The second has lower row r by token 2 t + i - 2 for i = 2, 3.
    """
    if INTERPRETED:
        first = _emulated(upper, p0, p1, p2, p3)
        second = _emulated(lower, p0, p1, p2, p3)
        zero = tl.zeros_like(first)
        return _columns(first, zero), _columns(zero, second)
    else:
        return tl.inline_asm_elementwise(
            MMA_ASM, "=f,=f,=f,=f,=f,=f,=f,=f,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r,r",
            [upper, lower, p0, p1, p2, p3], dtype=(tl.float32, tl.float32), is_pure=True, pack=4,
        )  # fmt: skip


@triton.jit
def _emulated(words, p0, p1, p2, p3):
    """The same as plain operations, [tiles, 8 rows, 8 tokens] float32."""
    TILES: tl.constexpr = words.shape[0] // 8
    total = tl.zeros((TILES, 8, 8), tl.float32)
    rows = tl.reshape(words, (TILES, 8, 16))
    for p in tl.static_range(4):
        pair = tl.reshape(p0 if p == 0 else (p1 if p == 1 else (p2 if p == 2 else p3)), (TILES, 8, 16))
        low = (pair << 16).to(tl.float32, bitcast=True)
        high = (pair & -65536).to(tl.float32, bitcast=True)
        q_low = (((rows >> (4 * p)) & 15) - 8).to(tl.float32) / 64
        q_high = (((rows >> (4 * p + 16)) & 15) - 8).to(tl.float32) / 64
        total += tl.sum(q_low[:, :, None, :] * low[:, None, :, :], axis=3)
        total += tl.sum(q_high[:, :, None, :] * high[:, None, :, :], axis=3)
    return total


@triton.jit
def _columns(first, second):
    """Two [tiles, 8, 8 tokens] side by side as [8 tiles, 16]: of two tokens those of the first, then the second."""
    TILES: tl.constexpr = first.shape[0]
    both = tl.join(tl.reshape(first, (TILES, 8, 4, 2)), tl.reshape(second, (TILES, 8, 4, 2)))
    return tl.reshape(tl.permute(both, (0, 1, 2, 4, 3)), (TILES * 8, 16))


@triton.jit
def summed(sums, M: tl.constexpr):
    """[8 m s, 16] float32, both results of `products` scaled and added -> [m, 8, 16], over all chunks."""
    return tl.sum(tl.reshape(sums, (M, sums.shape[0] // (8 * M), 8, 16)), axis=1)
