"""The files that the code of one tree reads while it runs: by Python's audit events in its process, by the kernel
outside."""
