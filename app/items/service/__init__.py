"""The rules of items, without HTTP, SQL or boto."""
