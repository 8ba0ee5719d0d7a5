"""The audit log: who did what to whose task or account, and from where."""
