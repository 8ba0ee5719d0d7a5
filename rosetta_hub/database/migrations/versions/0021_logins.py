"""Logins that lead to users, the users' addresses, and whether a user may sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and add the column."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "login_links",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("user_created", sa.DateTime(), nullable=True),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("active_key", sa.String(length=64), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("linked_by", sa.String(length=255), nullable=False),
        sa.Column("last_ok", sa.DateTime(), nullable=False),
        sa.Column("unlinked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_links")),
        sa.UniqueConstraint("active_key", name=op.f("uq_login_links_active_key")),
    )
    op.create_index(op.f("ix_login_links_user"), "login_links", ["user"])
    op.create_table(
        "user_emails",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("user_created", sa.DateTime(), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("verified_at", sa.DateTime(), nullable=False),
        sa.Column("verified_by", sa.String(length=40), nullable=False),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user", "address", name=op.f("pk_user_emails")),
    )
    op.create_index(op.f("ix_user_emails_address"), "user_emails", ["address"])
    state = sa.Column("state", sa.String(length=10), nullable=False, server_default="active")
    with op.batch_alter_table("users") as batch:
        batch.add_column(state)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("users") as batch:
        batch.drop_column("state")
    op.drop_table("user_emails")
    op.drop_table("login_links")
