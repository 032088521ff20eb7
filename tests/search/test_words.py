"""Indexed words: spellings that count as equal, and scripts without spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.schema.tables import WORD_CHARACTERS
from app.search.schema.words import MAX_WORDS, fold, indexed_words, query_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Malmö, Sweden!", {"malmo", "sweden"}),
        ("IMG_2024-05.HEIC", {"img", "2024", "05", "heic"}),
        ("STRASSE straße", {"strasse"}),
        ("Ærøskøbing Łódź İstanbul", {"aeroskobing", "lodz", "istanbul"}),
        ("cafe\N{COMBINING ACUTE ACCENT} caf\N{LATIN SMALL LETTER E WITH ACUTE}", {"cafe"}),
        ("हिन्दी", {"हिन्दी"}),
        ("사진", {"사진"}),
        ("東京タワー2号", {"東京", "京タ", "タワ", "ワー", "ー", "2", "号"}),
        ("が か", {"が", "か"}),
        ("\N{CAMERA} -- ...", set()),
    ],
)
def test_different_spellings_of_a_word_are_indexed_as_one(text: str, words: set[str]) -> None:
    assert indexed_words([text]) == words


def test_a_word_and_the_words_of_a_caption_are_limited() -> None:
    assert indexed_words(["x" * 1000]) == {"x" * WORD_CHARACTERS}
    assert query_words("x" * 1000) == ["x" * WORD_CHARACTERS]
    many = " ".join(f"w{number}" for number in range(2000))
    assert len(indexed_words(["camera", many])) == MAX_WORDS
    assert "camera" in indexed_words(["camera", many])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_text_matches_itself_and_its_folded_form(text: str) -> None:
    indexed = indexed_words([text])
    for words in (query_words(text), query_words(fold(text))):
        assert all(word in indexed for word in words[:-1])
        assert all(any(word.startswith(last) for word in indexed) for last in words[-1:])


@given(st.text(alphabet="東京大阪はのタワー", min_size=1, max_size=12), st.data())
def test_any_part_of_an_unspaced_text_matches_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    words, indexed = query_words(text[start:end]), indexed_words([text])
    assert all(word in indexed for word in words[:-1])
    assert any(word.startswith(words[-1]) for word in indexed)
