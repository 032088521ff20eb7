"""Typed ids sort by creation time, and an id of one kind is refused as another kind."""

import pytest
from pydantic import TypeAdapter, ValidationError

from darkroom_shared.ids import ItemIdField, new_item_id


def test_ids_sort_by_creation() -> None:
    earlier = new_item_id()
    while new_item_id()[:14] == earlier[:14]:
        continue
    assert earlier < new_item_id()


@pytest.mark.parametrize(
    "other",
    [
        "acc_01M85JJJYBY0Y2R0CAGXCCDFH5",
        "itm_",
        f"itm_{'I' * 26}",
        "itm_01M85JJKFCW3PYST3P812Z4B01\n",
        "itm_81M85JJKFCW3PYST3P812Z4B01",
    ],
)
def test_an_id_of_another_kind_or_form_is_refused(other: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ItemIdField).validate_python(other)


def test_a_thousand_ids_differ_and_are_accepted() -> None:
    made = {new_item_id() for _ in range(1000)}
    assert len(made) == 1000
    for each in made:
        TypeAdapter(ItemIdField).validate_python(each)
