"""Ports of the edge for further interfaces, and which of the interfaces answer."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the software of tasks of before declares no further interface."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("edge_ports", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(
            sa.Column("interface_states", sa.JSON(), nullable=False, server_default="[]")
        )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_column("interface_states")
        batch_op.drop_column("edge_ports")
