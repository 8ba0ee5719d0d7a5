"""Which image an attempt runs, and which one its software was looked up as."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of attempts of before it is not known."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("image_digest", sa.String(length=71), nullable=True))
        batch_op.add_column(sa.Column("expected_digest", sa.String(length=71), nullable=True))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_column("expected_digest")
        batch_op.drop_column("image_digest")
