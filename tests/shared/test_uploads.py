"""Part sizes and digests, as client and service compute them."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from darkroom_shared.uploads import (
    LARGEST_ITEM_BYTES,
    MAX_PARTS,
    SINGLE_PUT_BYTES,
    part_bytes,
    part_count,
    part_size_bytes,
    parts_digest,
)


@given(st.integers(min_value=1, max_value=LARGEST_ITEM_BYTES))
def test_up_to_a_thousand_parts_cover_any_size_exactly(size_bytes: int) -> None:
    count = part_count(size_bytes)
    assert 1 <= count <= MAX_PARTS
    assert part_size_bytes(size_bytes) % SINGLE_PUT_BYTES == 0
    assert sum(part_bytes(size_bytes, number) for number in range(1, count + 1)) == size_bytes


def test_the_digest_of_parts_is_the_digest_of_their_digests() -> None:
    parts = [sha256(b"one"), sha256(b"two")]
    joined = sha256(parts[0].digest() + parts[1].digest()).hexdigest()
    assert parts_digest([part.hexdigest() for part in parts]) == f"sha256-parts:{joined}-2"
