"""Operators' commands and the operators' overview."""
