"""Copies between storages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "copies",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("task_id", sa.String(length=12), nullable=True),
        sa.Column("attempt", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.String(length=10), nullable=True),
        sa.Column("source_storage", sa.String(length=80), nullable=False),
        sa.Column("source_paths", sa.JSON(), nullable=False),
        sa.Column("target_storage", sa.String(length=80), nullable=False),
        sa.Column("target_path", sa.Text(), nullable=False),
        sa.Column("target_names", sa.JSON(), nullable=False),
        sa.Column("conflict", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("part_path", sa.Text(), nullable=True),
        sa.Column("part_upload", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=True),
        sa.Column("files_done", sa.BigInteger(), nullable=False),
        sa.Column("files_total", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("problem_count", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=True),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copies")),
    )
    op.create_index("ix_copies_user", "copies", ["user", "created"])
    op.create_index("ix_copies_task_id", "copies", ["task_id", "attempt"])
    op.create_index("ix_copies_state", "copies", ["state"])
    op.create_index("ix_copies_ended", "copies", ["ended"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("copies")
