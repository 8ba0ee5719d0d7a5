"""Whether a user is told by mail that a task is shared."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the choice; everybody is told until they choose otherwise."""
    with op.batch_alter_table("mail_settings") as table:
        table.add_column(
            sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.true())
        )


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("mail_settings") as table:
        table.drop_column("shared")
