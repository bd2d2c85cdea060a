"""Models that are torch modules: built by transformers or from a file, with the changes that arms make to them."""
