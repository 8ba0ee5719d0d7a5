"""JupyterHub: its REST API, and how the extension is wired into it."""
