"""A stand-in for DynamoDB on one machine: its protocol for the calls that Darkroom makes, on one SQLite file."""
