"""The inner loop of a kernel author: one file, one op, one answer. No suite is needed and no model is built.

`question` makes the case, `session` asks a warm worker, `worker` is that process, `once` a single call for other tools.
"""
