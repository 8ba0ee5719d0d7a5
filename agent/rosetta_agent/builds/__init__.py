"""The build program: makes an image of a Dockerfile and its context, and confines what it runs.

It is sent to a builder as the files program is, speaks the frames of rosetta_agent/files/frames.py,
and ends with its input. All that it starts ends with it.
"""
