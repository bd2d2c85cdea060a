"""Frozen value types: what is asked, what was measured, where and how. No IO, no torch; the unit is in the name."""
