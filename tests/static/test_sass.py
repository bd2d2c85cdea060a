"""The hot loop, its loads and the spills, from text as nvdisasm prints it."""

from __future__ import annotations

from harness.static.sass import read_code

HEAD = """
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   LDG.E R2, desc[UR6][R2.64] ;
        /*0020*/                   STL.64 [R1], R4 ;
"""
LOOPS = """
.L_x_0:
        /*0030*/                   IMAD.MOV.U32 R2, RZ, RZ, R11 ;
.L_x_1:
        /*0040*/                   LDG.E.U8 R22, desc[UR6][R2.64] ;
        /*0050*/              @!P2 LDG.E.U8 R23, desc[UR6][R2.64+0x1] ;
        /*0060*/                   LDG.E.128.CONSTANT R24, desc[UR6][R4.64] ;
        /*0070*/             @!UP0 LDL R5, [R1] ;
        /*0080*/              @!P4 BRA `(.L_x_1) ;
        /*0090*/               @P3 BRA `(.L_x_0) ;
"""
END = """
        /*00a0*/                   EXIT ;
.L_x_2:
        /*00b0*/                   BRA `(.L_x_2);
        /*00c0*/                   NOP;
"""


def test_the_innermost_loop_is_the_hot_one() -> None:
    """The load before it and the outer loop do not count; predicated instructions do."""
    code = read_code(HEAD + LOOPS + END)
    assert (code.instructions, code.loop) == (5, True)
    assert code.global_loads == {1: 2, 16: 1}
    assert (code.load_bytes, code.widest_load_bytes) == (1, 16)


def test_spills_are_counted_wherever_they_are() -> None:
    assert read_code(HEAD + LOOPS + END).spill_bytes == 8 + 4


def test_a_branch_forward_and_the_one_that_ends_a_kernel_are_no_loops() -> None:
    code = read_code(HEAD + "        /*0030*/               @P0 BRA `(.L_x_1) ;\n.L_x_1:\n" + END)
    assert not code.loop and code.instructions == 6 and code.global_loads == {4: 1}


def test_asynchronous_copies_are_loads_and_stores_are_not() -> None:
    copies = """
        /*0000*/                   LDGSTS.E.BYPASS.128 [R3], desc[UR6][R2.64] ;
        /*0010*/                   STG.E.64 desc[UR6][R2.64], R12 ;
        /*0020*/                   LDS.128 R4, [R2] ;
"""
    assert read_code(copies).global_loads == {16: 1}
