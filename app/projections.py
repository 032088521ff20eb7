"""Everybody who follows every account's log, in one list; the slices say what they make of it."""

SEARCH = "search"
ALBUMS = "albums"

PROJECTIONS = (SEARCH, ALBUMS)
