"""Rosetta Hub installed into hubs that exist, with the spawners that such hubs have."""
