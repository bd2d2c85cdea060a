"""The search for tunables: compile, check, time, choose, and confirm the choice. Imports no torch."""
