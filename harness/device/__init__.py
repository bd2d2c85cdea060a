"""The device that kernels run on, behind one interface: `choice.open_device` chooses it, and is the only place that
does.

`nvidia`, `cpu` and, for tests, `fake` are the devices; `timers` holds the ways to time calls on one. `nvml`, `ptxas`,
`host` and `probe` find facts about the machine without torch.
"""
