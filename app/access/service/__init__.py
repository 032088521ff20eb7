"""The rules of access, without HTTP, SQL or boto."""
