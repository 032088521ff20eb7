"""Files in, files out, in child processes; knows no AWS."""
