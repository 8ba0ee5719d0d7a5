"""All tables, as the migrations before had made them.

The number is the last one of those migrations, which stand together here: databases that
developers had brought to it have these tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only where the key is an INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them; keys and constraints get the names that `Base.metadata` has for them."""
    _create_tasks()
    _create_rows_of_tasks()
    _create_users()
    _create_mail()
    _create_copies()
    _create_builds()
    _create_software()
    _create_registries()
    _create_logins()
    _create_local_accounts()
    _create_administration()
    _create_sharing()


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("server_name", sa.String(255), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("family", sa.String(80), nullable=False),
        sa.Column("software", sa.JSON(), nullable=False),
        sa.Column("computing", sa.String(80), nullable=False),
        sa.Column("engine", sa.String(20), nullable=False),
        sa.Column("runtime", sa.String(40)),
        sa.Column("cpus", sa.Double()),
        sa.Column("memory", sa.BigInteger()),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("desired_state", sa.String(10), nullable=False),
        sa.Column("forget", sa.Boolean(), nullable=False, index=True),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("port", sa.BigInteger(), unique=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(200), nullable=False),
        sa.Column("progress_done", sa.BigInteger()),
        sa.Column("progress_total", sa.BigInteger()),
        sa.Column("interface_kind", sa.String(10)),
        sa.Column("interface_port", sa.BigInteger()),
        sa.Column("exit_code", sa.BigInteger()),
        sa.Column("reason", sa.String(40)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("cpu_seconds", sa.Double()),
        sa.Column("memory_used", sa.BigInteger()),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime()),
        sa.Column("ended", sa.DateTime(), index=True),
        sa.Column("last_heartbeat", sa.DateTime()),
        sa.Column("last_activity", sa.DateTime()),
        sa.Column("request", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("remote_user", sa.String(64)),
        sa.Column("submitting", sa.DateTime()),
        sa.Column("job_id", sa.String(64)),
        sa.Column("job_state", sa.String(40)),
        sa.Column("job_reason", sa.String(300)),
        sa.Column("expected_start", sa.DateTime()),
        sa.Column("ends_at", sa.DateTime()),
        sa.Column("node", sa.String(255)),
        sa.Column("boot_id", sa.String(80)),
        sa.Column("environment", sa.LargeBinary()),
        sa.Column("storages", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("staging", sa.Text(), nullable=False, server_default=""),
        sa.Column("edge_ports", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("interface_states", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("image_digest", sa.String(71)),
        sa.Column("expected_digest", sa.String(71)),
        sa.Column("stop_at", sa.DateTime()),
        sa.Column("idle_since", sa.DateTime()),
        sa.Column("kept_until", sa.DateTime()),
        sa.Column("extended_until", sa.DateTime()),
        sa.Column("end_announced", sa.DateTime()),
        sa.Column("owner_groups", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("denied_since", sa.DateTime()),
        sa.UniqueConstraint("user", "server_name"),
    )
    op.create_index("ix_tasks_computing", "tasks", ["computing", "remote_user"])
    op.create_index("ix_tasks_created", "tasks", ["created", "id"])
    op.create_index("ix_tasks_user", "tasks", ["user", "created"])


def _create_rows_of_tasks() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("task_id", sa.String(12), _refer("tasks", "CASCADE"), nullable=False, index=True),
        sa.Column("user", sa.String(255), nullable=False, index=True),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False, index=True),
    )
    op.create_table(
        "usage_samples",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("task_id", sa.String(12), _refer("tasks", "CASCADE"), nullable=False),
        sa.Column("begun", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=False),
        sa.Column("span", sa.BigInteger(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("gpu_percent", sa.Double()),
        sa.Column("gpu_memory", sa.BigInteger()),
        sa.Column("gpu_memory_total", sa.BigInteger()),
    )
    op.create_index("ix_usage_samples_task_id", "usage_samples", ["task_id", "id"])
    op.create_table(
        "mails",
        sa.Column("task_id", sa.String(12), _refer("tasks", "CASCADE"), primary_key=True),
        sa.Column("attempt", sa.BigInteger(), primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("user", sa.String(255), nullable=False, index=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("next_try", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_mails_state", "mails", ["state", "next_try"])


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("created", sa.DateTime()),
        sa.Column("state", sa.String(10), nullable=False, server_default="active"),
    )
    op.create_table(
        "user_preferences",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("language", sa.String(35)),
    )
    op.create_table(
        "identities",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("computing", sa.String(80), primary_key=True),
        sa.Column("remote_user", sa.String(33), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "browser_logins",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(255), primary_key=True, index=True),
        sa.Column("browser", sa.String(80), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("first_seen", sa.DateTime(), nullable=False),
        sa.Column("last_seen", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "idempotent_requests",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("began", sa.DateTime(), nullable=False, index=True),
        sa.Column("status", sa.BigInteger()),
        sa.Column("answer", sa.LargeBinary()),
    )


def _create_mail() -> None:
    op.create_table(
        "mail_settings",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("address", sa.String(254)),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("limit", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "mail_confirmations",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "account_mails",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("template", sa.String(40), nullable=False),
        sa.Column("context", sa.LargeBinary()),
        sa.Column("user", sa.String(255), index=True),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("next_try", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_account_mails_state", "account_mails", ["state", "next_try"])


def _create_copies() -> None:
    op.create_table(
        "copies",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("task_id", sa.String(12)),
        sa.Column("attempt", sa.BigInteger()),
        sa.Column("stage", sa.String(10)),
        sa.Column("source_storage", sa.String(80), nullable=False),
        sa.Column("source_paths", sa.JSON(), nullable=False),
        sa.Column("target_storage", sa.String(80), nullable=False),
        sa.Column("target_path", sa.Text(), nullable=False),
        sa.Column("target_names", sa.JSON(), nullable=False),
        sa.Column("conflict", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("part_path", sa.Text()),
        sa.Column("part_upload", sa.String(40)),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger()),
        sa.Column("files_done", sa.BigInteger(), nullable=False),
        sa.Column("files_total", sa.BigInteger()),
        sa.Column("rate", sa.Double()),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("problem_count", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime()),
        sa.Column("ended", sa.DateTime(), index=True),
    )
    op.create_index("ix_copies_task_id", "copies", ["task_id", "attempt"])
    op.create_index("ix_copies_user", "copies", ["user", "created"])


def _create_builds() -> None:
    op.create_table(
        "builds",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("port", sa.BigInteger()),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("transient", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger()),
        sa.Column("steps", sa.BigInteger()),
        sa.Column("failed_step", sa.Text(), nullable=False),
        sa.Column("log_tail", sa.JSON(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("image_digest", sa.String(100), nullable=False),
        sa.Column("image_arch", sa.String(40), nullable=False),
        sa.Column("image_size", sa.BigInteger()),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime()),
        sa.Column("ended", sa.DateTime(), index=True),
        sa.Column("used", sa.DateTime(), nullable=False, index=True),
    )
    op.create_table(
        "build_users",
        sa.Column("build_id", sa.String(12), _refer("builds", "CASCADE"), primary_key=True),
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("asked", sa.DateTime(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_build_users_user", "build_users", ["user", "asked"])


def _create_software() -> None:
    op.create_table(
        "user_software",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("card", sa.String(80), nullable=False, index=True),
        sa.Column("owner_kind", sa.String(10), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(71)),
        sa.Column("build", sa.String(12)),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(255), nullable=False),
        sa.Column("blocked", sa.String(300)),
    )
    op.create_index("ix_user_software_owner_kind", "user_software", ["owner_kind", "owner"])
    op.create_table(
        "software_logos",
        sa.Column("card", sa.String(80), primary_key=True),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "software_uses",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("software", sa.String(80), primary_key=True),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.DateTime()),
        sa.Column("favourite", sa.Boolean(), nullable=False),
    )


def _create_registries() -> None:
    op.create_table(
        "registry_credentials",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "image_verdicts",
        sa.Column("image", sa.String(600), primary_key=True),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(300), nullable=False),
        sa.Column("checked", sa.DateTime(), nullable=False),
    )


def _create_logins() -> None:
    op.create_table(
        "login_links",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("user", sa.String(255), nullable=False, index=True),
        sa.Column("user_created", sa.DateTime()),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("active_key", sa.String(64), unique=True),
        sa.Column("email", sa.String(254)),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("linked_by", sa.String(255), nullable=False),
        sa.Column("last_ok", sa.DateTime(), nullable=False),
        sa.Column("unlinked_at", sa.DateTime()),
    )
    op.create_table(
        "user_emails",
        sa.Column("user", sa.String(255), primary_key=True),
        sa.Column("user_created", sa.DateTime()),
        sa.Column("address", sa.String(254), primary_key=True, index=True),
        sa.Column("verified_at", sa.DateTime(), nullable=False),
        sa.Column("verified_by", sa.String(40), nullable=False),
        sa.Column("primary", sa.Boolean(), nullable=False),
    )


def _create_local_accounts() -> None:
    op.create_table(
        "passwords",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("login", sa.String(255), nullable=False, unique=True),
        sa.Column("hash", sa.String(255), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.Column("make_admin", sa.Boolean(), nullable=False),
        sa.Column("user", sa.String(255), nullable=False, index=True),
        sa.Column("user_created", sa.DateTime()),
    )
    op.create_table(
        "sign_ups",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("address", sa.String(254), index=True),
        sa.Column("digest", sa.String(64), unique=True),
        sa.Column("invitation", sa.String(32), index=True),
        sa.Column("name", sa.String(255), unique=True),
        sa.Column("hash", sa.String(255)),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime()),
        sa.Column("confirmed_at", sa.DateTime()),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("address", sa.String(254)),
        sa.Column("uses_left", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime()),
        sa.Column("user", sa.String(255), nullable=False, index=True),
        sa.Column("user_created", sa.DateTime()),
    )
    op.create_table(
        "throttles",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False, index=True),
    )


def _create_administration() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("time", sa.DateTime(), nullable=False, index=True),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("user", sa.String(255)),
        sa.Column("task", sa.String(12)),
        sa.Column("target", sa.String(255)),
        sa.Column("address", sa.String(45)),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    op.create_index("ix_audit_actor", "audit", ["actor", "id"])
    op.create_index("ix_audit_event", "audit", ["event", "id"])
    op.create_index("ix_audit_task", "audit", ["task", "id"])
    op.create_index("ix_audit_user", "audit", ["user", "id"])
    op.create_table(
        "computing_states",
        sa.Column("computing", sa.String(80), primary_key=True),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("drained_by", sa.String(255), nullable=False),
    )
    op.create_table(
        "announcements",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("starts", sa.DateTime(), nullable=False),
        sa.Column("ends", sa.DateTime()),
        sa.Column("dismissable", sa.Boolean(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(255), nullable=False),
    )
    op.create_table(
        "daily_numbers",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("computing", sa.String(80), primary_key=True),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("most_running", sa.BigInteger(), nullable=False),
    )


def _create_sharing() -> None:
    op.create_table(
        "share_links",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("task_id", sa.String(12), _refer("tasks", "CASCADE"), nullable=False, index=True),
        sa.Column("expires", sa.DateTime(), nullable=False, index=True),
        sa.Column("until", sa.DateTime()),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.BigInteger(), nullable=False),
        sa.Column("users", sa.JSON(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("ended", sa.DateTime()),
    )
    op.create_table(
        "task_shares",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("task_id", sa.String(12), _refer("tasks", "SET NULL")),
        sa.Column("kind", sa.String(5), nullable=False),
        sa.Column("name", sa.String(255), nullable=False, index=True),
        sa.Column("owner", sa.String(255), nullable=False, index=True),
        sa.Column("server_name", sa.String(255), nullable=False),
        sa.Column("until", sa.DateTime(), index=True),
        sa.Column("link_id", sa.String(12), _refer("share_links", "SET NULL"), index=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("task_id", "kind", "name"),
    )


def _refer(table: str, ondelete: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)
