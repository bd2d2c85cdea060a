"""A suite's Triton kernels under other releases of Triton: each compiled in every version for every target, and held
against the version in use. Nothing is run.

    compiler = find_compiler("3.9.0")                      # or newest, installed, a wheel, a folder of a source build
    reply = compile_with(compiler, CompileRequest(cases, ("sm_90", "gfx942"), suite_folder, kernels_root))
    reply.compiled["sm_90"][0].binaries[0].registers      # facts as values; see `harness.values.binary`
    judge_cell(before, after)                              # what changed, and whether it gates

No torch in this process; `harness.runner.static_side` compiles.
"""
