"""Media processing, files in and files out, in child processes; knows no AWS."""
