"""The albums' family: what sharing decides is seen where they look."""

from tests.albums.conftest import family, family_on_both

__all__ = ["family", "family_on_both"]
