"""Compiling without a GPU: a case's launches and binaries for a named target.

`pool.compile_cases(cases, target, suite_folder, *, jobs=None, limit_s=None) -> tuple[Compiled, ...]`
takes many cases through processes of their own; `pool.Compilation` yields each as it is done. It imports no torch.
"""
