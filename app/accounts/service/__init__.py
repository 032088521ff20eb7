"""The rules of accounts, without HTTP, SQL or boto."""
