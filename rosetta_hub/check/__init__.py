"""`rosetta-hub check`: whether a computing resource can do all that tasks need."""
