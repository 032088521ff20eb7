"""`darkroom admin` and `darkroom verify`, which run on the machine itself."""
