"""The whole model: an arm's ops bound to the weights, run by an engine, checked, timed and profiled."""
