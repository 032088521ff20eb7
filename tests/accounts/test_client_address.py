"""The client address comes from the last entries of X-Forwarded-For, which clients cannot write."""

import pytest
from starlette.requests import Request

from app.http.client_address import client_address

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (1, ["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (2, ["1.1.1.1, 203.0.113.7, 10.0.0.5"], "203.0.113.7"),
        (2, ["1.1.1.1", "203.0.113.7, 10.0.0.5"], "203.0.113.7"),
        (2, ["203.0.113.7"], PEER),
        (1, [], PEER),
        (1, [""], PEER),
        (1, ["1.1.1.1, nonsense"], PEER),
        (1, ["1.1.1.1,"], PEER),
        (1, ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
        (1, ["2001:db8:1:2:ffff::9"], "2001:db8:1:2::"),
        (1, ["::ffff:203.0.113.7"], "203.0.113.7"),
    ],
)
def test_the_address_seen_by_our_outermost_tier_is_the_client_address(
    hops: int, forwarded: list[str], expected: str
) -> None:
    request = Request(
        {
            "type": "http",
            "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
            "client": (PEER, 1234),
            "state": {"forwarded_hops": hops},
        }
    )

    assert client_address(request) == expected
