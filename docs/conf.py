"""How Sphinx makes the documentation's pages; `scripts/docs` runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.generate import write_pages
from rosetta_hub import __version__

project = "Rosetta Hub"
copyright = "The Rosetta Hub developers"
release = __version__
extensions = ["myst_parser", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["images/README.md"]
html_theme = "pydata_sphinx_theme"
html_title = "Rosetta Hub"
html_theme_options = {"show_prev_next": False, "navbar_center": []}
html_sidebars = {"**": ["pages.html"], "index": []}
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
# Links to headings of other pages, as in `configuration.md#storages`.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
nitpicky = True
# The documentation is built where nothing but the package's own pages can be reached.
linkcheck_ignore = [r"https?://"]

write_pages(Path(__file__).parent / "generated")
