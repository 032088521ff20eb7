"""The rules of exports, without HTTP, SQL or boto."""
