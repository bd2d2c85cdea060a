"""The command line: one module a command; everything heavy is imported inside the command."""

from harness import reports_root

reports_root.bind()
