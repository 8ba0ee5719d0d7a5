"""``rosetta_agent check``: whether this node can do all that tasks need.

It uses the agent's own engines, images and namespaces, so that a check cannot pass where a
task fails. The hub's part is rosetta_hub/check.
"""
