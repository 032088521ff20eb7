"""The supervisor and `darkroom up`: real processes, which the tests kill and observe."""
