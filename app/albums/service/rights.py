"""Checks of a member's role. For any other account, the album is reported as absent."""

from app.access.schema.values import AlbumAccess, AlbumRow
from darkroom_shared.albums import Role
from darkroom_shared.problems import Forbidden, NotFound


def require_member(access: AlbumAccess | None) -> AlbumAccess:
    """Raise NotFound unless the account is a member."""
    if access is None:
        raise NotFound
    return access


def require_owner(access: AlbumAccess | None) -> AlbumRow:
    """Return the album of its owner. Raises NotFound, or Forbidden for other members."""
    if require_member(access).role is not Role.OWNER:
        raise Forbidden("Only the album's owner may do this.")
    return require_member(access).album


def require_contributor(access: AlbumAccess | None) -> AlbumRow:
    """Return the album of its owner or a contributor. Raises NotFound, or Forbidden for viewers."""
    if require_member(access).role is Role.VIEWER:
        raise Forbidden("Viewers of this album may not do this.")
    return require_member(access).album
