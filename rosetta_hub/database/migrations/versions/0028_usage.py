"""What tasks use over time."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; it fills with the reports that come."""
    op.create_table(
        "usage_samples",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("task_id", sa.String(length=12), nullable=False),
        sa.Column("begun", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=False),
        sa.Column("span", sa.BigInteger(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("gpu_percent", sa.Double(), nullable=True),
        sa.Column("gpu_memory", sa.BigInteger(), nullable=True),
        sa.Column("gpu_memory_total", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_usage_samples_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_samples")),
    )
    op.create_index(op.f("ix_usage_samples_task_id"), "usage_samples", ["task_id", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_usage_samples_task_id"), table_name="usage_samples")
    op.drop_table("usage_samples")
