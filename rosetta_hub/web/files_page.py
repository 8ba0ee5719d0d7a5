"""The page of files: `files/` lists the storages, `files/STORAGE/PATH` is a folder."""

from rosetta_hub.web.page_handler import PageHandler


class FilesPage(PageHandler):
    """The file manager. Its script reads the address and asks the API."""

    def get(self) -> None:
        """The page, which is the same for every address."""
        self.render_page("files.html")
