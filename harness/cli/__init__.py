"""The command line: one module per command; heavy imports stay inside the command."""

from harness import reports_root

reports_root.bind()
