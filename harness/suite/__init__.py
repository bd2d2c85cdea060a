"""Suites: YAML, checked on its node tree, to `harness.values.suite.Suite`. Without torch."""
