"""That the test cluster is what it claims to be."""
