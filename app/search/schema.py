"""The search index: a row for each item that can be found, and a row for each word that finds it."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from app.stores.aurora import exact_text, identifier, metadata

ID_CHARACTERS = 30
KIND_CHARACTERS = 20
CAPTURED_KEY_CHARACTERS = 64
WORD_CHARACTERS = 64

item_index = Table(
    "item_index",
    metadata,
    Column("item_id", identifier(ID_CHARACTERS), primary_key=True),
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("kind", identifier(KIND_CHARACTERS), nullable=True),
    Column("captured_key", identifier(CAPTURED_KEY_CHARACTERS), nullable=False, comment="captured_at#item_id"),
    Index("ix_item_index_account_id_captured_key", "account_id", "captured_key"),
)

item_words = Table(
    "item_words",
    metadata,
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("word", exact_text(WORD_CHARACTERS), nullable=False, comment="lower case, without accents"),
    Column("item_id", identifier(ID_CHARACTERS), ForeignKey("item_index.item_id", ondelete="CASCADE"), nullable=False),
    Column("captured_key", identifier(CAPTURED_KEY_CHARACTERS), nullable=False),
    PrimaryKeyConstraint("account_id", "word", "item_id", name="pk_item_words"),
    Index("ix_item_words_account_id_word_captured_key", "account_id", "word", "captured_key"),
    Index("ix_item_words_item_id", "item_id"),
)
