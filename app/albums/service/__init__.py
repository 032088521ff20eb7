"""The rules of albums, without HTTP, SQL or boto."""
