"""The current release with the data of an earlier release, and beside an earlier worker."""
