"""Tables of the search index, its entries, and parsed queries."""
