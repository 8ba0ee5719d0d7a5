"""Indexes on what the periodic steps and the pages query."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "tasks": [
        ("ix_tasks_user", ["user", "created"]),
        ("ix_tasks_computing", ["computing", "remote_user"]),
        ("ix_tasks_forget", ["forget"]),
        ("ix_tasks_ended", ["ended"]),
    ],
    "sessions": [("ix_sessions_expires", ["expires"])],
}


def upgrade() -> None:
    """Create them."""
    for table, indexes in _INDEXES.items():
        for name, columns in indexes:
            op.create_index(name, table, columns)


def downgrade() -> None:
    """Drop them."""
    for table, indexes in _INDEXES.items():
        for name, _ in indexes:
            op.drop_index(name, table)
