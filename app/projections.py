"""The names of all projections of the accounts' event logs; each capability implements its own."""

SEARCH = "search"
ALBUMS = "albums"

PROJECTIONS = (SEARCH, ALBUMS)
