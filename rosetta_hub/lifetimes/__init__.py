"""When tasks end by themselves: idle, too long, at a chosen time; and what puts it off."""
