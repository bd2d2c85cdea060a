"""The service of a worker that touches the device: the stages of a run, attempts, tasks of a sweep."""
