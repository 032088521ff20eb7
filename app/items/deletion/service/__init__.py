"""The rules of deletion, without HTTP, SQL or boto."""
