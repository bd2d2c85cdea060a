"""Programs that know nothing of this harness, run under torch's profiler: one process, or each rank of a job."""
