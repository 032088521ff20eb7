"""Malicious files, each built here; `corpus.py` lists them all."""
