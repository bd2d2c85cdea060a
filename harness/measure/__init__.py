"""Measuring: correct first, then timed, in processes of their own. The only part of the harness that touches a
device."""
