"""Signed URLs of an item's files: their form, their lifetime, and that all processes issue the same ones."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from app.items.schema.keys import path_in_folder, rendition_key
from app.items.service.delivery import ORIGINAL_URL_LIFETIME, OWNER_WINDOW, Audience, Delivery
from app.stores.cloudfront import UrlSigner
from darkroom_shared.ids import new_account_id, new_item_id

BASE_URL = "https://d111111abcdef8.cloudfront.net"
SIGNER = UrlSigner(
    BASE_URL,
    "K2JCJMDEHXQW5F",
    ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
)
ACCOUNT, ITEM = new_account_id(), new_item_id()
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  naive bounds


def at(moment: datetime) -> Delivery:
    """Return the delivery of a process that starts at this moment."""
    return Delivery(SIGNER, lambda: moment)


@given(MOMENTS)
def test_a_renditions_url_is_valid_for_one_to_two_windows(now: datetime) -> None:
    lives = at(now).rendition_folder(ACCOUNT, ITEM).expires_at - now
    assert OWNER_WINDOW < lives <= 2 * OWNER_WINDOW


@given(MOMENTS)
def test_an_originals_url_is_valid_for_nine_to_ten_minutes(now: datetime) -> None:
    _, end = at(now).original(ACCOUNT, ITEM)
    assert ORIGINAL_URL_LIFETIME - timedelta(minutes=1) < end - now <= ORIGINAL_URL_LIFETIME


def test_within_a_window_every_process_issues_the_same_urls() -> None:
    moments = [NINE, NINE + timedelta(minutes=17), NINE + timedelta(minutes=59, seconds=59)]
    assert len({at(moment).rendition_folder(ACCOUNT, ITEM).url("small") for moment in moments}) == 1
    seconds = [NINE, NINE + timedelta(seconds=59)]
    assert len({at(moment).original(ACCOUNT, ITEM) for moment in seconds}) == 1


def test_a_running_process_changes_windows_like_one_that_has_just_started() -> None:
    now = NINE
    delivery = Delivery(SIGNER, lambda: now)
    issued = []
    for minutes in (0, 30, 60, 61, 119, 120, 600, 30):  # the last one: a clock that was set back
        now = NINE + timedelta(minutes=minutes)
        folder = delivery.rendition_folder(ACCOUNT, ITEM)
        assert folder == at(now).rendition_folder(ACCOUNT, ITEM)
        issued.append(folder.url("small"))
    assert [one == other for one, other in pairwise(issued)] == [True, False, True, True, False, False, False]


def test_one_signature_serves_all_renditions_of_an_item() -> None:
    folder = at(NINE).rendition_folder(ACCOUNT, ITEM)
    url = folder.url(path_in_folder("3f9c", 2, "small.webp"))
    assert url == f"{BASE_URL}/{rendition_key(ACCOUNT, ITEM, '3f9c', 2, 'small.webp')}?{folder.query}"


def test_items_and_accounts_never_share_a_signature() -> None:
    delivery = at(NINE)
    pairs = [(ACCOUNT, ITEM), (ACCOUNT, new_item_id()), (new_account_id(), ITEM)]
    queries = {delivery.rendition_folder(*pair).query for pair in pairs}
    queries |= {urlsplit(delivery.original(*pair)[0]).query for pair in pairs}
    assert len(queries) == 6


def test_folders_that_are_signed_together_are_signed_like_each_alone() -> None:
    items = [(ACCOUNT, new_item_id()) for _ in range(3)]
    delivery, expected = at(NINE), [at(NINE).rendition_folder(*each) for each in items]
    first = delivery.rendition_folder(*items[0])
    delivery.sign_folders([*items, items[1]], Audience.OWNER)
    signer: Any = None
    delivery._signer = signer  # all are cached
    assert [delivery.rendition_folder(*each) for each in items] == expected
    assert delivery.rendition_folder(*items[0]) is first


def test_an_original_is_signed_by_its_own_exact_url() -> None:
    url, _ = at(NINE).original(ACCOUNT, ITEM)
    assert url.startswith(f"{BASE_URL}/originals/{ACCOUNT}/{ITEM}?Policy=")
