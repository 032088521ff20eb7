"""Numbers have one canonical form, and their encoded bytes sort like the numbers."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from local.tables import numbers

decimals = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, numbers.EXACT),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-130, 125 - 37),
)


@given(decimals, decimals)
def test_encoded_numbers_sort_like_the_numbers(first: Decimal, second: Decimal) -> None:
    keys = [numbers.sortable(numbers.canonical(str(number))) for number in (first, second)]
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (first < second, first == second)


@given(decimals)
def test_the_canonical_form_is_exact_and_idempotent(number: Decimal) -> None:
    spelled = numbers.canonical(str(number))
    assert numbers.canonical(spelled) == spelled
    assert Decimal(spelled) == number
