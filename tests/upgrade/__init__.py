"""The present release on what an earlier one left behind, and beside it."""
