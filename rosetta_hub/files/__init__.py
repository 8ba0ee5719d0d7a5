"""Files of storages: typed operations over channels to a program that runs as the user."""
