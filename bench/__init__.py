"""Benchmarks. Each prints figures beside a named baseline measured in the same run; none asserts a time."""
