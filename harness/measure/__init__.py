"""Measure kernels: verify each against its definition, time it with the device's timer, and diagnose wrong output."""
