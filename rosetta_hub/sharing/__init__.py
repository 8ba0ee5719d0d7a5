"""Running tasks that are shared with users, groups, and by links."""
