"""Identities of users on computing resources, and their mails."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "identities",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("computing", sa.String(length=80), nullable=False),
        sa.Column("remote_user", sa.String(length=33), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", _enum("missing", "untested", "works", "refused"), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user", "computing", name=op.f("pk_identities")),
    )
    op.create_table(
        "mail_settings",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("limit", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_mail_settings")),
    )
    _create_mails()


def _create_mails() -> None:
    states = _enum("waiting", "sending", "sent", "refused", "dropped")
    op.create_table(
        "mails",
        sa.Column("task_id", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("kind", _enum("started", "failed", "limit"), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("next_try", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_mails_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "attempt", "kind", name=op.f("pk_mails")),
    )
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mails_state"), ["state", "next_try"], unique=False)
        batch_op.create_index(batch_op.f("ix_mails_user"), ["user"], unique=False)


def _enum(*values: str) -> sa.Enum:
    return sa.Enum(*values, native_enum=False, length=10)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mails_user"))
        batch_op.drop_index(batch_op.f("ix_mails_state"))

    op.drop_table("mails")
    op.drop_table("mail_settings")
    op.drop_table("identities")
