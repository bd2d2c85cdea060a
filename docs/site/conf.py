"""The documents as a site: `nox -s docs` assembles the pages and builds them, every warning an error."""

project = "kernel-harness"
copyright = "The kernel-harness authors"
extensions = ["myst_parser"]
root_doc = "index"
html_theme = "furo"
html_title = "kernel-harness"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]
myst_heading_anchors = 4
"""Headings can be linked to down to this level, by the anchors that GitHub gives them."""
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
"""A report begins without a heading of its own, and has a chart in a language that GitHub draws."""
