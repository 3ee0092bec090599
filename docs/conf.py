"""How Sphinx builds the documentation: ``make docs``. Nothing is fetched, now or by the reader."""

import os
import re
import sys
import warnings
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

from skactive import __version__

sys.path.insert(0, str(Path(__file__).parent))  # for our own two extensions
os.environ["TQDM_DISABLE"] = "1"  # progress bars would stay in the pages of the gallery

project = "skactive"
author = "the skactive developers"
copyright = "2026, the skactive developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "plain_examples",
    "strategies_table",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "auto_examples/**/*.ipynb"]
templates_path = ["_templates"]
default_role = "py:obj"  # single backticks in docstrings
html_math_renderer = "mathml"
nitpicky = False

# Headings get the anchors that they have on the forge, where the same pages are read.
myst_heading_anchors = 4

autosummary_generate = True
# Its page would be that of `saving` where file names have no case.
autosummary_filename_map = {"skactive.statistics.Saving": "skactive.statistics.Saving_class"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc says it
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "skactive"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {name: [] for name in ("index", "getting_started", "faq", "changelog")}

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "ignore_pattern": r"^(?!plot_)",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skactive",),
    "reference_url": {"skactive": None},
    "download_all_examples": False,
    "parallel": os.cpu_count(),  # `make docs` gives each example one thread
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
}

# A picture that is drawn without a screen is no reason to warn.
warnings.filterwarnings("ignore", message=".*non-interactive.*", category=UserWarning)

PLUMBING = re.compile(r"get_metadata_routing|set_\w+_request")
ROOT_PAGE = re.compile(r"\]\((?:\.\./)+(CONTRIBUTING|CHANGELOG)\.md")
EXAMPLE = re.compile(r"\]\((?:\.\./)+examples/(plot_\w+)\.py")


def link_pages(app, docname, source):
    """Let links to files outside this folder lead to the pages that are made of them."""
    text = ROOT_PAGE.sub(lambda link: f"](/{link[1].lower()}.rst", source[0])
    source[0] = EXAMPLE.sub(r"](/auto_examples/\1.rst", text)


def skip_plumbing(app, what, name, obj, skip, options):
    """Leave out what every scikit-learn estimator has, and our readers need not know."""
    return bool(PLUMBING.fullmatch(name)) or None


def as_mathml(writer, node):
    """Write a formula as MathML, which browsers draw by themselves."""
    as_block = node.tagname == "math_block"
    formula = tex2mathml(node.astext(), as_block=as_block)
    writer.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)
    raise SkipNode


def setup(app):
    """Connect the above."""
    app.connect("source-read", link_pages)
    app.connect("autodoc-skip-member", skip_plumbing)
    app.add_html_math_renderer("mathml", (as_mathml, None), (as_mathml, None))
