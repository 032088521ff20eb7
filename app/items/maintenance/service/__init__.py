"""The work of maintenance, without HTTP, SQL or boto."""
