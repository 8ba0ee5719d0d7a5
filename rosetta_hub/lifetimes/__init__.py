"""When tasks end by themselves, and why: idle, too old, or at a chosen time."""
