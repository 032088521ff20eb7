"""A grant opens only its own item's playlists, and only until its end."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.items.service.grants import MAX_CHARACTERS, Grant, PlaybackGrants
from darkroom_process.secret_file import Secret
from darkroom_shared.ids import new_account_id, new_item_id

GRANTS = PlaybackGrants(Secret(b"s" * 32))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GRANT = Grant(new_account_id(), new_item_id(), NOON)
TEXT = GRANTS.write(GRANT)
BEFORE = NOON - timedelta(seconds=1)


def test_a_grant_works_until_its_end_in_every_process() -> None:
    assert PlaybackGrants(Secret(b"s" * 32)).read(GRANT.item_id, TEXT, BEFORE) == GRANT
    assert GRANTS.read(GRANT.item_id, TEXT, NOON) is None


def test_a_grant_opens_no_other_item_and_no_other_account() -> None:
    assert GRANTS.read(new_item_id(), TEXT, BEFORE) is None
    assert GRANTS.read(GRANT.item_id, TEXT.replace(GRANT.account_id, new_account_id()), BEFORE) is None


def test_a_grant_of_another_installation_opens_nothing() -> None:
    assert PlaybackGrants(Secret(b"t" * 32)).read(GRANT.item_id, TEXT, BEFORE) is None


def test_a_grant_needs_no_escaping_in_a_url() -> None:
    assert TEXT.replace(".", "").replace("_", "").isalnum()
    assert len(TEXT) <= MAX_CHARACTERS


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
    | st.text(alphabet="0123456789abcdef.", max_size=80).map(lambda end: f"{GRANT.account_id}.{end}")
)
def test_a_text_that_we_did_not_write_opens_no_playlist(text: str) -> None:
    assert GRANTS.read(GRANT.item_id, text, BEFORE) is None
