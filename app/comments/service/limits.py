"""The rate limit of comments."""

from app.stores.attempt_limits import AttemptLimits
from app.stores.signals import Limit
from darkroom_shared.ids import AccountId

COMMENTS_OF_ACCOUNT = Limit("comment", maximum=60, per_seconds=60)


class CommentLimit(AttemptLimits):
    """Limits an account's comments, because each one notifies many people."""

    async def count(self, author: AccountId) -> None:
        """Count one comment. Raises TooManyRequests."""
        await self.take(COMMENTS_OF_ACCOUNT, author)
