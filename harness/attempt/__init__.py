"""The inner loop of a kernel author: one file, one op, one answer. No suite is needed and no model is built.

`question` makes the case, `session` sends it to a warm worker (`harness.worker`), and `tools` makes a single call for
other tools.
"""
