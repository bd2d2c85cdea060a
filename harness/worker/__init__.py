"""A worker: another process that serves jobs over a separate wire. One wire, one boot, one handle; no torch here."""
