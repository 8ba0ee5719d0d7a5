"""Images that are built of repositories."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "builds",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("transient", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("steps", sa.BigInteger(), nullable=True),
        sa.Column("failed_step", sa.Text(), nullable=False),
        sa.Column("log_tail", sa.JSON(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("image_digest", sa.String(length=100), nullable=False),
        sa.Column("image_arch", sa.String(length=40), nullable=False),
        sa.Column("image_size", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=True),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.Column("used", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_builds")),
        sa.UniqueConstraint("key", name=op.f("uq_builds_key")),
    )
    op.create_index("ix_builds_state", "builds", ["state"])
    op.create_index("ix_builds_ended", "builds", ["ended"])
    op.create_index("ix_builds_used", "builds", ["used"])
    op.create_table(
        "build_users",
        sa.Column("build_id", sa.String(length=12), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("asked", sa.DateTime(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name=op.f("fk_build_users_build_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("build_id", "user", name=op.f("pk_build_users")),
    )
    op.create_index("ix_build_users_user", "build_users", ["user", "asked"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("build_users")
    op.drop_table("builds")
