"""What members may do, as the role says; somebody who is in no way in an album does not learn that it exists."""

from app.sharing.values import AlbumRow, Standing
from shared.albums import Role
from shared.problems import Forbidden, NotFound


def seen(standing: Standing | None) -> Standing:
    """Raises NotFound."""
    if standing is None:
        raise NotFound
    return standing


def owned(standing: Standing | None) -> AlbumRow:
    """Raises NotFound, or Forbidden for other members."""
    if seen(standing).role is not Role.OWNER:
        raise Forbidden("Only the album's owner may do this.")
    return seen(standing).album


def contributed(standing: Standing | None) -> AlbumRow:
    """Raises NotFound, or Forbidden for viewers."""
    if seen(standing).role is Role.VIEWER:
        raise Forbidden("Viewers of this album may not do this.")
    return seen(standing).album
