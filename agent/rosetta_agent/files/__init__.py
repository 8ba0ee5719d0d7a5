"""Files of one storage, served to the hub over standard input and output (``rosetta_agent files``).

The program runs as the user whose files they are. It travels by itself: of the rest of the
agent this package imports ``safe_paths`` alone.
"""
