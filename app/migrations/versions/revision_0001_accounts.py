"""Accounts and their sessions."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime, exact_text, identifier

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("email", exact_text(320), nullable=False, comment="normalised"),
        sa.Column("password_hash", identifier(255), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("first", sa.SmallInteger(), nullable=True, comment="1 for the first account, else null"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
        sa.UniqueConstraint("first", name="uq_accounts_first"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", identifier(30), nullable=False),
        sa.Column("account_id", identifier(30), nullable=False),
        sa.Column("token_hash", identifier(64), nullable=False, comment="SHA-256, hex"),
        sa.Column("label", exact_text(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
    )
    op.create_index("ix_sessions_account_id_id", "sessions", ["account_id", "id"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("accounts")
