"""Who may do what: every operation of the API, asked as each role."""
