"""A signed text is valid only exactly as it was written: each change of one ASCII character is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.items.service.grants import Grant, PlaybackGrants
from app.pagination import Cursors, Position
from app.share_links.schema.links import ShareLink
from app.share_links.service.proofs import Proofs
from darkroom_process.secret_file import Secret
from darkroom_shared.ids import new_account_id, new_item_id
from darkroom_shared.problems import Invalid
from tests.golden.full_values import full

SECRET = Secret(b"s" * 32)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _grant() -> tuple[str, Callable[[str], bool]]:
    grants = PlaybackGrants(SECRET)
    grant = Grant(new_account_id(), new_item_id(), NOON)
    return grants.write(grant), lambda text: grants.read(grant.item_id, text, NOON - timedelta(hours=1)) is not None


def _proof() -> tuple[str, Callable[[str], bool]]:
    proofs = Proofs(SECRET, lambda: NOON - timedelta(hours=1))
    link: ShareLink = full(ShareLink)
    return proofs.write(link, NOON), lambda text: proofs.is_valid(link, text)


def _cursor() -> tuple[str, Callable[[str], bool]]:
    cursors = Cursors(SECRET)

    def accepts(text: str) -> bool:
        try:
            cursors.read("ACCOUNT", "captured", text)
        except Invalid:
            return False
        return True

    return cursors.write("ACCOUNT", "captured", Position(new_item_id())), accepts


@pytest.mark.parametrize("signed", [_grant, _proof, _cursor])
def test_a_signed_text_with_any_changed_character_is_refused(
    signed: Callable[[], tuple[str, Callable[[str], bool]]],
) -> None:
    text, accepts = signed()
    assert accepts(text)
    for place, original in enumerate(text):
        for character in map(chr, range(128)):
            for changed in (text[:place] + character + text[place + 1 :], text[:place] + character + text[place:]):
                assert changed == text or not accepts(changed), f"{original!r} at {place}: {changed!r}"
