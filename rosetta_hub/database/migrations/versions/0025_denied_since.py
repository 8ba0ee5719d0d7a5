"""Since when the owner of a task has not been in a group that lets use it."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("denied_since", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_column("denied_since")
