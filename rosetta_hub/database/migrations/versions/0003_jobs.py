"""Tasks as jobs of a workload manager."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("request", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("remote_user", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("submitting", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("job_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("job_state", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("job_reason", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("expected_start", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("ends_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("node", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("boot", sa.String(length=80), nullable=True))
