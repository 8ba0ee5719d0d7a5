"""How users sign in: links to providers, addresses, passwords, invitations."""
