"""Exports: all data of an account as one ZIP, made by a worker and kept for a week."""
