"""How times are written for users, unconfirmed mail addresses, and browsers that are logged in."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "user_preferences",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_user_preferences")),
    )
    op.create_table(
        "mail_confirmations",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_mail_confirmations")),
    )
    op.create_table(
        "browser_logins",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("browser", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("first_seen", sa.DateTime(), nullable=False),
        sa.Column("last_seen", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "user", name=op.f("pk_browser_logins")),
    )
    op.create_index(op.f("ix_browser_logins_user"), "browser_logins", ["user"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("browser_logins")
    op.drop_table("mail_confirmations")
    op.drop_table("user_preferences")
