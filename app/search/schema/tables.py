"""Tables of the search index: one row per item, and one row per item and word."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from app.stores.aurora import exact_text, identifier, metadata

ID_CHARACTERS = 30
CAPTURED_KEY_CHARACTERS = 64
WORD_CHARACTERS = 64

item_index = Table(
    "item_index",
    metadata,
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    Column("captured_key", identifier(CAPTURED_KEY_CHARACTERS), nullable=False, comment="captured_at#item_id"),
    PrimaryKeyConstraint("account_id", "item_id", name="pk_item_index"),
    Index("ix_item_index_account_id_captured_key", "account_id", "captured_key"),
    sqlite_with_rowid=False,
)

item_words = Table(
    "item_words",
    metadata,
    Column("account_id", identifier(ID_CHARACTERS), nullable=False),
    Column("word", exact_text(WORD_CHARACTERS), nullable=False, comment="lower case, without accents"),
    Column("captured_key", identifier(CAPTURED_KEY_CHARACTERS), nullable=False, comment="that of the item's index row"),
    Column("item_id", identifier(ID_CHARACTERS), nullable=False),
    PrimaryKeyConstraint("account_id", "word", "captured_key", name="pk_item_words"),
    Index("ix_item_words_account_id_captured_key_word", "account_id", "captured_key", "word"),
    sqlite_with_rowid=False,
)
