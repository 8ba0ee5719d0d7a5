"""How often users start what software, and their favourites."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; starts of before are not counted."""
    op.create_table(
        "software_uses",
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("software", sa.String(length=80), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.DateTime(), nullable=True),
        sa.Column("favourite", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user", "software"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("software_uses")
