"""The commands of `darkroom`, one file per topic."""
