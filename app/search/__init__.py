"""Search of own items by words, camera, album and capture time."""
