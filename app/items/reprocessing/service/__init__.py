"""The rules of reprocessing, without HTTP, SQL or boto."""
