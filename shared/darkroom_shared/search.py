"""Search on the wire: the limits of a query; the response is a page of items."""

SEARCH_CHARACTERS = 200
