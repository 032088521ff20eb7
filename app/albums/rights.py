"""What members may do, as the role says; somebody who is in no way in an album does not learn that it exists."""

from app.sharing.values import AlbumAccess, AlbumRow
from shared.albums import Role
from shared.problems import Forbidden, NotFound


def seen(access: AlbumAccess | None) -> AlbumAccess:
    """Raises NotFound."""
    if access is None:
        raise NotFound
    return access


def owned(access: AlbumAccess | None) -> AlbumRow:
    """Raises NotFound, or Forbidden for other members."""
    if seen(access).role is not Role.OWNER:
        raise Forbidden("Only the album's owner may do this.")
    return seen(access).album


def contributed(access: AlbumAccess | None) -> AlbumRow:
    """Raises NotFound, or Forbidden for viewers."""
    if seen(access).role is Role.VIEWER:
        raise Forbidden("Viewers of this album may not do this.")
    return seen(access).album
