"""HTTP: handlers, REST API, pages and their static files."""
