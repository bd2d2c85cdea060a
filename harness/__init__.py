"""Profiles, times and compares GPU inference kernels and the decode that they make up."""

__version__ = "0.1.0"
