"""Source code at a revision, or as it lies in the working tree, in a kept checkout."""

from harness.revisions.checkout import Checkout, check_out, same_tree
from harness.revisions.git import repository_of

__all__ = ["Checkout", "check_out", "repository_of", "same_tree"]
