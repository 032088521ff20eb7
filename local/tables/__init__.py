"""DynamoDB on one machine: the real protocol for the calls Darkroom makes, on one SQLite file."""
