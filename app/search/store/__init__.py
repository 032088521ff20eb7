"""Statements on the stored search."""
