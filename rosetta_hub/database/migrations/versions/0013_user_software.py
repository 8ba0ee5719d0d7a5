"""Software that users have added, and logos of it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "user_software",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("card", sa.String(length=80), nullable=False),
        sa.Column("owner_kind", sa.String(length=10), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("build", sa.String(length=12), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_software")),
    )
    op.create_index("ix_user_software_owner_kind", "user_software", ["owner_kind", "owner"])
    op.create_index("ix_user_software_card", "user_software", ["card"])
    op.create_table(
        "software_logos",
        sa.Column("card", sa.String(length=80), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("card", name=op.f("pk_software_logos")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("software_logos")
    op.drop_table("user_software")
