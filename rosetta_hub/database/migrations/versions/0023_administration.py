"""Drained computing resources, announcements, daily numbers, and the order of all tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the index of tasks by their creation."""
    op.create_table(
        "computing_states",
        sa.Column("computing", sa.String(length=80), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("drained_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("computing", name=op.f("pk_computing_states")),
    )
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("starts", sa.DateTime(), nullable=False),
        sa.Column("ends", sa.DateTime(), nullable=True),
        sa.Column("dismissable", sa.Boolean(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_table(
        "daily_numbers",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("computing", sa.String(length=80), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("most_running", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "computing", name=op.f("pk_daily_numbers")),
    )
    op.create_index("ix_tasks_created", "tasks", ["created", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_tasks_created", "tasks")
    op.drop_table("daily_numbers")
    op.drop_table("announcements")
    op.drop_table("computing_states")
