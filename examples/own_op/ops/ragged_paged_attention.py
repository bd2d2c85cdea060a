"""Attention of one query per sequence over a paged cache: each sequence has its own length and its own pages."""

import torch
import triton
import triton.language as tl

ROLES = {"k_pages": "cache", "v_pages": "cache", "block_table": "index", "lengths": "index"}
SHAPES = [{"sequences": 3, "heads": 4, "head_dim": 32, "pages": 16, "page": 16}]


def reference(q, k_pages, v_pages, block_table, lengths):
    rows = []
    for sequence, length in enumerate(lengths.tolist()):
        k, v = (pages[block_table[sequence]].flatten(0, 1)[:length] for pages in (k_pages, v_pages))
        scores = torch.einsum("hd,shd->hs", q[sequence], k) * q.shape[-1] ** -0.5
        rows.append(torch.einsum("hs,shd->hd", torch.softmax(scores, -1), v))
    return torch.stack(rows)


def inputs(sequences=8, heads=32, head_dim=128, pages=512, page=16):
    per_sequence = pages // sequences
    shape = (pages, page, heads, head_dim)
    table = torch.randperm(pages)[: sequences * per_sequence].view(sequences, per_sequence).int()
    lengths = torch.randint(1, per_sequence * page + 1, (sequences,)).int()
    return torch.randn(sequences, heads, head_dim), torch.randn(shape), torch.randn(shape), table, lengths


@triton.jit
def attend(q, k, v, table, lengths, y, per_sequence, scale, HEADS: tl.constexpr, D: tl.constexpr, PAGE: tl.constexpr):
    sequence, head = tl.program_id(0), tl.program_id(1)
    at, slots = tl.arange(0, D), tl.arange(0, PAGE)
    query = tl.load(q + (sequence * HEADS + head) * D + at).to(tl.float32) * scale
    length = tl.load(lengths + sequence)
    most = tl.full((), -float("inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    mixed = tl.zeros((D,), tl.float32)
    for block in range(tl.cdiv(length, PAGE)):
        place = tl.load(table + sequence * per_sequence + block).to(tl.int64) * PAGE
        rows = ((place + slots)[:, None] * HEADS + head) * D + at[None, :]
        inside = block * PAGE + slots < length
        keys = tl.load(k + rows, mask=inside[:, None], other=0.0).to(tl.float32)
        scores = tl.where(inside, tl.sum(keys * query[None, :], 1), -float("inf"))
        top = tl.maximum(most, tl.max(scores))
        share = tl.exp(scores - top)
        values = tl.load(v + rows, mask=inside[:, None], other=0.0).to(tl.float32)
        mixed = mixed * tl.exp(most - top) + tl.sum(share[:, None] * values, 0)
        total = total * tl.exp(most - top) + tl.sum(share)
        most = top
    tl.store(y + (sequence * HEADS + head) * D + at, mixed / total)


def run(q, k_pages, v_pages, block_table, lengths, *, num_warps=4):
    y = torch.empty_like(q)
    grid, (heads, d) = q.shape[:2], q.shape[1:]
    attend[grid](
        q, k_pages, v_pages, block_table, lengths, y, block_table.shape[1], d**-0.5, heads, d, k_pages.shape[1],
        num_warps=num_warps,
    )  # fmt: skip
    return y
