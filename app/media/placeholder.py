"""The ThumbHash of a picture: some 25 bytes that a page paints before any file has arrived."""

import base64

from thumbhash import rgba_to_thumb_hash

# Sixteen points per axis carry the seven cosine terms that a ThumbHash keeps; 24 costs 1.6 ms, 100 costs 24 ms.
LONGEST_EDGE = 24


def thumb_hash(width: int, height: int, rgba: bytes) -> str:
    """Base64, of a picture of at most LONGEST_EDGE pixels per edge, four bytes a pixel."""
    return base64.b64encode(bytes(rgba_to_thumb_hash(width, height, list(rgba)))).decode()
