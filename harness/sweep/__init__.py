"""The search for tunables: compiled, checked, timed, chosen, and the choice confirmed. Imports no torch."""
