"""The hub's users, so that what was kept for a deleted user is found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, with everybody for whom something is kept."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])
    owners = (
        sa.table(name, sa.column("user")) for name in ("tasks", "identities", "mail_settings")
    )
    names = sa.union(*(sa.select(owner.c.user) for owner in owners))
    op.execute(sa.insert(sa.table("users", sa.column("name"))).from_select(["name"], names))


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_sessions_user", "sessions")
    op.drop_table("users")
