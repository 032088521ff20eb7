"""The rules of events, without HTTP, SQL or boto."""
