"""A worker: another process that serves jobs over a wire of its own. One wire, one boot, one handle; no torch here."""
