"""Finding own items by their words, cameras, albums and times."""
