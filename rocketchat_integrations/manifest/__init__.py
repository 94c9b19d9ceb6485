"""Integrations kept in files: TOML, YAML or JSON."""

from ._reading import Entry, Manifest, Secret, schema

__all__ = ["Entry", "Manifest", "Secret", "schema"]
