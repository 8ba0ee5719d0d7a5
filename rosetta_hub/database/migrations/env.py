"""Alembic's entry: migrations run on the connection that the service hands over."""

from alembic import context

import rosetta_hub.database.models_administration
import rosetta_hub.database.models_audit
import rosetta_hub.database.models_builds
import rosetta_hub.database.models_copies
import rosetta_hub.database.models_local
import rosetta_hub.database.models_logins
import rosetta_hub.database.models_mail
import rosetta_hub.database.models_registries
import rosetta_hub.database.models_sharing
import rosetta_hub.database.models_software
import rosetta_hub.database.models_user  # noqa: F401 - tables of the same metadata
from rosetta_hub.database.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can't alter a column in place.
    render_as_batch=True,
)

with context.begin_transaction():
    context.run_migrations()
