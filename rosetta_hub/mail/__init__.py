"""Mails to users: what is told, when, and how it gets to the mail server."""
