"""Faults on purpose, as boto3 sees them on each of the three servers."""
