"""Previews of files: what can be shown of them without executing anything that they hold.

Text and tables are read here. Formats that need a parser of some size are read in a child process
with narrow limits (`converter.py` starts it, `child.py` is it).
"""
