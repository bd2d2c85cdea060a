"""Compiling without a GPU: a case's launches and binaries for a named target.

`pool.compile_cases(cases, target, suite_folder, *, jobs=None, limit_s=..., on_result=None) -> tuple[Compiled, ...]`
takes many cases through processes of their own; `on_result(compiled)` is called in the calling thread, as each is
done, in no order. It imports no torch.
"""
