"""The lease under which one worker fills a projection from all rows."""

import sqlalchemy as sa
from alembic import op

from app.stores.aurora import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cursors") as cursors:
        cursors.add_column(
            sa.Column(
                "filling_until",
                UtcDateTime(),
                nullable=True,
                comment="while somebody reads all rows, nobody else begins",
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("cursors") as cursors:
        cursors.drop_column("filling_until")
