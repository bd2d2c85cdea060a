"""What runs inside of a stranger's program and its child processes: the profiler over a window, and what they call."""
