"""A suite's Triton kernels under other releases of Triton, compiled in every version for every target.

Each is compared with the version in use. A compiler's name is a version, `newest`, `installed`, a wheel or the folder
of a source build. This process imports no torch; `harness.runner.static_side` compiles. Nothing runs.

    compiler = find_compiler("3.9.0")
    reply = compile_with(compiler, CompileRequest(cases, ("sm_90", "gfx942"), suite_folder, kernels_root))
    reply.compiled["sm_90"][0].binaries[0].registers      # values; see `harness.values.binary`
    judge_cell(before, after)                              # the change, and whether it gates
"""
