"""The albums' services, because albums give access to other accounts' items."""

from tests.albums.conftest import album_services, album_services_on_both

__all__ = ["album_services", "album_services_on_both"]
