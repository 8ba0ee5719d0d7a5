"""Until when tasks are shared, and links that share them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "share_links",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=12), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.BigInteger(), nullable=False),
        sa.Column("users", sa.JSON(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_share_links_digest")),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_share_links_task_id"), ondelete="CASCADE"
        ),
    )
    for column in ("task_id", "expires"):
        op.create_index(f"ix_share_links_{column}", "share_links", [column])
    op.create_table(
        "task_shares",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("task_id", sa.String(length=12), nullable=True),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("server_name", sa.String(length=255), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("link_id", sa.String(length=12), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_shares")),
        sa.UniqueConstraint("task_id", "kind", "name", name=op.f("uq_task_shares_task_id")),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_task_shares_task_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["share_links.id"],
            name=op.f("fk_task_shares_link_id"),
            ondelete="SET NULL",
        ),
    )
    for column in ("name", "owner", "until", "link_id"):
        op.create_index(f"ix_task_shares_{column}", "task_shares", [column])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("task_shares")
    op.drop_table("share_links")
