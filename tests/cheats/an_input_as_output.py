"""Returns the activations themselves after it has changed them.

Pays: no memory is allocated or written twice.
"""

OP = "residual_add"
FAMILY = "stale output"
FOUND = "input"


def run(x, y):
    return x.add_(y)
