"""The rules of search, without HTTP, SQL or boto."""
