"""Decoding photos and making their renditions."""
