"""Benchmarks; each prints lines `figure NAME VALUE`."""
