"""The rules of share links, without HTTP, SQL or boto."""
