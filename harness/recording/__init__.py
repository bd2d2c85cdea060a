"""Code that runs inside of a user's program and its child processes: the profiler over a window, and the recorder of
their calls."""
