"""What the image policy has said of images."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "image_verdicts",
        sa.Column("image", sa.String(length=600), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(length=300), nullable=False),
        sa.Column("checked", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("image", name=op.f("pk_image_verdicts")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("image_verdicts")
