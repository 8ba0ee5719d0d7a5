"""Software of users that an administrator has blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("user_software", sa.Column("blocked", sa.String(length=300), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("user_software") as table:
        table.drop_column("blocked")
