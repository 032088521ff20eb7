"""Search on the wire: what may be asked; the answer is a page of items."""

SEARCH_CHARACTERS = 200
