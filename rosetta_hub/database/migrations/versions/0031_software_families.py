"""The columns that hold the id of a software family are called so."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename them, and the index after its column."""
    op.drop_index("ix_user_software_card", table_name="user_software")
    for table in ("user_software", "software_logos"):
        op.alter_column(table, "card", new_column_name="family")
    op.create_index("ix_user_software_family", "user_software", ["family"])
