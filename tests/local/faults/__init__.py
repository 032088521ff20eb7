"""Fault injection, as boto3 observes it on each of the three servers."""
