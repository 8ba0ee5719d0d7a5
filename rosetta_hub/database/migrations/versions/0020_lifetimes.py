"""When tasks end by themselves, and the groups that their owners were in when they were started."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIMES = ("stop_at", "idle_since", "kept_until", "extended_until", "end_announced")


def upgrade() -> None:
    """Add the columns; the groups of owners of before are unknown."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        for name in _TIMES:
            batch_op.add_column(sa.Column(name, sa.DateTime(), nullable=True))
        batch_op.add_column(
            sa.Column("owner_groups", sa.JSON(), nullable=False, server_default="[]")
        )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        for name in ("owner_groups", *_TIMES):
            batch_op.drop_column(name)
