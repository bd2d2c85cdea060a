"""Kernels measured: verified against their definition, then timed by the device's timer, diagnosed when wrong."""
