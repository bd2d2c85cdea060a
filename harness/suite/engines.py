"""The names of the engines that execute a decode step; `harness.decode.engines` has what they stand for."""

ENGINES = ("eager", "cuda_graph", "torch_compile")
