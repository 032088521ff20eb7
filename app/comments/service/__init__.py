"""The rules of comments, without HTTP, SQL or boto."""
