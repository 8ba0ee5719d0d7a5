"""Tasks: their life in the database, what is told to users, and what agents report."""
