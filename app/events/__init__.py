"""One numbered log of events per account: appending, reading, streaming."""
