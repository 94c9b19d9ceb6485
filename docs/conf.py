"""How Sphinx builds the documentation. Nothing is fetched while it does."""

import sys
from importlib.metadata import version as distribution_version
from pathlib import Path
from types import UnionType
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

from rocketchat_integrations.scripts import ScriptResponse
from rocketchat_integrations.testing import server

sys.path.append(str(Path(__file__).parent))  # for the package of the directives

project = "rocketchat-integrations"
author = "rocketchat-integrations contributors"
copyright = author
release = version = distribution_version(project)

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx_copybutton",
    "sphinx_design",
    "pictures.directives",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["layout.css"]
html_favicon = "_static/favicon.svg"
html_title = f"{project} {release}"

# Copy what a reader types: no prompts, and no output below them.
copybutton_prompt_text = r">>> |\.\.\. |\.\.\.$|\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

nitpick_ignore_regex = [
    # Names of the standard library and of other projects: to look them up would need a network.
    (r"py:.*", r"(collections|datetime|decimal|enum|functools|logging|os|re|ssl|types|typing|typing_extensions)\..*"),
    (r"py:.*", r"(attr|attrs|hypothesis|redis|requests|werkzeug)\..*"),
    # Type variables, which have no entry of their own.
    (r"py:class", r"rocketchat_integrations\..*\.[A-Z](_co)?"),
    (r"py:class", r"(rocketchat_integrations\.outgoing\..*\.)?_[A-Z]\w+Handler"),
    # The typed keywords, which ConnectionOptions documents.
    (r"py:class", r"rocketchat_integrations\._protocol\.options\.(?:Async)?ConnectionKeywords"),
    # The typed keywords that Reply documents, and the type of the two webhooks that its text names.
    (r"py:class", r"rocketchat_integrations\.outgoing\._replies\.(?:ReplyFields|Webhook)"),
    # What only the embedded server passes.
    (r"py:class", r"rocketchat_integrations\.testing\._world\._settings\.Settings"),
    (r"py:class", r"Redis"),
    # Names for the types of arguments, which the page explains.
    (r"py:class", r"Body|[A-Z]\w+Event"),
]

NAPOLEON = Config(napoleon_use_ivar=True)


def read_google_sections(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    if isinstance(obj, UnionType):
        lines.clear()  # the docstring of Python's type; the page describes the alias
    # The extension sphinx.ext.napoleon would take a field's text up to its first colon for a type.
    lines[:] = GoogleDocstring(lines, NAPOLEON, app, "object", name, obj, options).lines()


def setup(app: Sphinx) -> None:
    # Imported for type checking only there; without it, no annotation of the module can be resolved.
    vars(server)["ScriptResponse"] = ScriptResponse
    app.connect("autodoc-process-docstring", read_google_sections)
