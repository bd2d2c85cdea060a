"""The device that kernels run on, behind one seam: `choice.open_device` chooses it, and is the only place that does.

`nvidia`, `cpu` and, for tests, `fake` are the devices; `timers` holds the ways to time calls on one. `nvml`, `ptxas`,
`host` and `probe` find out about the machine without torch.
"""
