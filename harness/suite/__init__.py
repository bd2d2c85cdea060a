"""Suite files: from YAML to values, with an error line for everything that is not allowed."""
