"""A suite's Triton kernels under other releases of Triton, compiled in every version for every target.

Each is compared with the version in use. Nothing runs.

    compiler = find_compiler("3.9.0")                      # or newest, installed, a wheel, a folder of a source build
    reply = compile_with(compiler, CompileRequest(cases, ("sm_90", "gfx942"), suite_folder, kernels_root))

The facts are values (`harness.values.binary`).

    reply.compiled["sm_90"][0].binaries[0].registers
    judge_cell(before, after)                              # the change, and whether it gates

This process imports no torch; `harness.runner.static_side` compiles.
"""
