"""The files program for stores that are no file systems, on the hub's own machine.

It speaks the protocol of `rosetta_agent.files`, in a process of its own for each channel. A store
has neither links nor owners nor permissions: operations on those are refused.
"""
