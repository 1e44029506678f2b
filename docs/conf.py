"""How Sphinx makes the site of this folder's Markdown pages.

    pip install -e ".[docs]" && python -m sphinx -W -n docs build/site

The order of the pages is in `_toc.yml`. The site is whole as it is built: it asks no other server
for fonts, scripts or formulas.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))  # for command_parser
project = "camkit"
html_title = "camkit"
extensions = [
    "myst_nb",  # Markdown, and pages whose code is run
    "sphinx_external_toc",  # _toc.yml
    "sphinx_copybutton",
    "sphinxarg.ext",  # the command, from its parser
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
external_toc_path = "_toc.yml"
exclude_patterns = ["README.md"]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4  # links to headings, as GitHub makes them
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_in_temp = True  # what a page writes is no part of the docs
nb_execution_timeout = 300
nb_output_stderr = "remove"  # notes on this machine
nb_ipywidgets_js = {}  # of other servers
os.environ["TQDM_DISABLE"] = "1"  # bars would be such widgets
smartquotes_action = "D"  # dashes; quotation marks stay as they are typed

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["camkit.css"]
html_copy_source = False
html_show_copyright = False
html_favicon = "_static/camkit.svg"
html_math_renderer = "mathml"
pygments_style, pygments_dark_style = "friendly", "monokai"
copybutton_prompt_text = "$ "

default_role = "py:obj"  # `Probe` in a docstring leads to Probe
PUBLIC = r"camkit_core\.(?:(?:plugins|testing)\.)?\w+$"
nitpick_ignore_regex = [("py:obj", r"(?s).*"), ("py:.*", f"(?!{PUBLIC}).*")]  # names of ours exist
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "inherited-members": "Exception"}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
autosummary_generate = False


def _formula(as_block: bool):
    """A visitor that writes a formula as MathML, which browsers draw themselves."""

    def visit(translator, node: nodes.Element) -> None:
        translator.body.append(tex2mathml(node.astext(), as_block=as_block))
        raise nodes.SkipNode

    return visit, None


def _shapes(app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list) -> None:
    """The star of a shape, `(N, C, *size)`, opens no emphasis."""
    lines[:] = [re.sub(r"(?<=[( ])\*(?=[\w.]+[,)])", r"\\*", line) for line in lines]


def _as_imported(app: Sphinx, page: nodes.document) -> None:
    """`camkit.explain` in place of `camkit_core.explain`, as the pages write it."""
    for prefix in page.findall(addnodes.desc_addname):
        if prefix.astext() == "camkit_core.":
            prefix.children = [nodes.Text("camkit.")]


def setup(app: Sphinx) -> None:
    """What these pages need beside the extensions."""
    app.add_html_math_renderer("mathml", _formula(False), _formula(True))
    app.connect("autodoc-process-docstring", _shapes)
    app.connect("doctree-read", _as_imported)
