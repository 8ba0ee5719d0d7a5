"""`/hub/v2/<provider>/<spec>`: links to repositories where other hubs have them."""

from tornado.web import RequestHandler


class LinkRedirect(RequestHandler):
    """Leads to the service, which shows what the link stands for."""

    def initialize(self, service_prefix: str) -> None:
        """Keep where the service is, as a path that ends with a slash."""
        self.service_prefix = service_prefix

    def get(self) -> None:
        """To the same link of the service. Its spec stays quoted: a `%2F` is no slash there."""
        _, _, link = str(self.request.uri).partition("/hub/v2/")
        self.redirect(f"{self.service_prefix}v2/{link}")
