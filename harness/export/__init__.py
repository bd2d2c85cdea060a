"""A decode step as a program: exported by torch, compiled ahead of time, loaded over the arm's own tensors."""
