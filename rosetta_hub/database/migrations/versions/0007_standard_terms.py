"""Columns get the standard terms for what they hold."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Table -> old name -> new name.
_RENAMED = {
    "tasks": {
        "card": "family",
        "target": "desired_state",
        "boot": "boot_id",
        "last_beat": "last_heartbeat",
    },
    "identities": {"sentence": "message"},
    "mails": {"sentence": "message"},
}


def upgrade() -> None:
    """Rename the columns."""
    for table, names in _RENAMED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for old, new in names.items():
                batch_op.alter_column(old, new_column_name=new)


def downgrade() -> None:
    """Give them back their former names."""
    for table, names in _RENAMED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for old, new in names.items():
                batch_op.alter_column(new, new_column_name=old)
