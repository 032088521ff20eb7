"""The rate limit of comments."""

from app.stores.attempt_limits import AttemptLimits
from app.stores.signals import Limit, Limits
from darkroom_shared.ids import AccountId

COMMENTS_OF_ACCOUNT = Limit("comment", maximum=60, per_seconds=60)


class CommentLimit:
    """Limits an account's comments, because each one notifies many people."""

    def __init__(self, limits: Limits) -> None:
        self._limits = AttemptLimits(limits)

    async def count(self, author: AccountId) -> None:
        """Count one comment. Raises TooManyRequests."""
        await self._limits.take(COMMENTS_OF_ACCOUNT, author)
