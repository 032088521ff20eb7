"""The services of the share links' tests, which include those of comments."""

from tests.share_links.conftest import sharing

__all__ = ["sharing"]
