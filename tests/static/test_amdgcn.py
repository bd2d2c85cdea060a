"""AMD's assembly, read: the innermost loop, widths of loads, and what is spilt."""

from __future__ import annotations

import pytest

from harness.static.amdgcn import hot_loop_lines, read_amdgcn, width_of

CODE = """\
\t.text
kernel:                                 ; @kernel
\ts_load_dwordx4 s[0:3], s[0:1], 0x0
\tscratch_store_dwordx2 off, v[2:3], off  ; 8-byte Folded Spill
.LBB0_1:                                ; =>This Loop Header: Depth=1
\tv_mov_b32_e32 v1, 0
.LBB0_2:                                ;   =>  This Inner Loop Header: Depth=2
\tglobal_load_dwordx4 v[4:7], v[0:1], off
\tbuffer_load_dwordx4 v[8:11], v4, s[0:3], 0 offen
\tglobal_load_ushort v2, v[0:1], off
\ts_nop 0
\tv_fma_f32 v1, v4, v5, v1
\ts_cbranch_scc1 .LBB0_2
; %bb.3:
\ts_cbranch_vccnz .LBB0_1
\tscratch_load_dwordx2 v[2:3], off, off  ; 8-byte Folded Reload
\ts_endpgm
\t.section\t.rodata,"a",@progbits
\t.amdhsa_kernel kernel
\tv_never_counted v0, v1
"""


def test_the_hot_loop_is_the_longest_that_has_none_in_itself() -> None:
    """Padding is no instruction, and what lies in other sections is none either."""
    code = read_amdgcn(CODE)
    assert (code.loop, code.instructions) == (True, 5)
    assert code.global_loads == {16: 2, 2: 1} and (code.load_bytes, code.widest_load_bytes) == (16, 16)
    assert hot_loop_lines(CODE).splitlines()[0] == "\tglobal_load_dwordx4 v[4:7], v[0:1], off"


def test_spills_are_counted_once_an_instruction_in_all_of_the_kernel() -> None:
    assert read_amdgcn(CODE).spill_bytes == 8 + 8
    older = CODE.replace("scratch_store_dwordx2", "buffer_store_dword").replace("scratch_load_dwordx2", "v_mov_b32")
    assert read_amdgcn(older).spill_bytes == 4, "before scratch instructions a comment says what is a spill"


def test_without_a_loop_the_kernel_counts() -> None:
    straight = CODE.replace("\ts_cbranch_scc1 .LBB0_2\n", "").replace("\ts_cbranch_vccnz .LBB0_1\n", "")
    code = read_amdgcn(straight)
    assert (code.loop, code.instructions) == (False, 9)


@pytest.mark.parametrize(
    ("opcode", "width"),
    [
        ("global_load_dwordx4", 16), ("global_load_b128", 16), ("buffer_load_dwordx3", 12), ("global_load_b64", 8),
        ("global_load_dword", 4), ("global_load_d16_b16", 2), ("global_load_ushort", 2), ("global_load_d16_hi_u8", 1),
        ("global_load_sbyte", 1), ("global_load_lds_dwordx4", 16), ("buffer_store_short_d16_hi", 2),
    ],
)  # fmt: skip
def test_widths(opcode: str, width: int) -> None:
    assert width_of(opcode) == width
