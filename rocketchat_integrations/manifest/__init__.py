"""Read manifests: integrations kept in TOML, YAML or JSON files.

:meth:`Manifest.load` reads files into an :class:`Entry` for each integration: a complete definition, and which of its
fields the file gives. It reports all mistakes at once, in :class:`~rocketchat_integrations.ManifestError`. A token can
be a :class:`Secret`, read from an environment variable or a file. :func:`schema` is the JSON Schema for editors.
"""

from ._entries import Entry
from ._reading import Manifest, schema
from ._secrets import Secret

__all__ = ["Entry", "Manifest", "Secret", "schema"]
