"""Benchmarks: small programs, each a ratio to a yardstick measured in the same run."""
