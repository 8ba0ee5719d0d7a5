"""What a site has changed in the look of the hub's pages, for our pages of hub and service."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# The page that a site's own page.html extends, as the hub names its stock templates.
_STOCK_PAGE = re.compile(r"""(\{%[-+]?\s*extends\s+)["']templates/page\.html["']""")


def make_site_page(paths: Iterable[str], directory: Path) -> list[str]:
    """The directories of templates, with one more where the site has a `page.html`.

    That one, `directory`, is made, and holds `rosetta_site.html`: the site's `page.html`, which
    extends our frame instead of the stock page.
    """
    folders = [str(Path(path).absolute()) for path in paths]
    pages = [Path(path) / "page.html" for path in folders]
    page = next((page for page in pages if page.is_file()), None)
    if page is None:
        return folders
    text = _STOCK_PAGE.sub(r'\1"rosetta_frame.html"', page.read_text())
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = directory / "rosetta_site.html"
    # Hub and service read it while another process, such as `rosetta-hub check`, makes it anew.
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)
    return [*folders, str(directory)]


def plain_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that another process can be told: not functions, which want the hub's user."""
    return {name: value for name, value in variables.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
