"""Write and load manifests in each format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import pytest
import yaml

from rocketchat_integrations import ManifestError
from rocketchat_integrations.manifest import Manifest

Content: TypeAlias = Mapping[str, Any]
Mistakes: TypeAlias = Callable[..., tuple[str, ...]]


class Load(Protocol):
    """Write a manifest in the format of a suffix, and load it."""

    def __call__(self, content: Content, suffix: str = ".json") -> Manifest: ...


def as_yaml(content: Content) -> str:
    untyped: Any = yaml  # the type of safe_dump is partially unknown
    return str(untyped.safe_dump(content, sort_keys=False))


def as_toml(content: Content) -> str:
    """Write every table inline."""
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in content.items())


def toml(value: object) -> str:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in table.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, cast("list[object]", value))) + "]"
    # Text is written as in JSON, except for a control character that JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


WRITERS: dict[str, Callable[[Content], str]] = {
    ".toml": as_toml,
    ".yaml": as_yaml,
    ".yml": as_yaml,
    ".json": json.dumps,
}


@pytest.fixture(scope="session")
def load() -> Load:
    def load_content(content: Content, suffix: str = ".json") -> Manifest:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"m{suffix}")
            path.write_text(WRITERS[suffix](content), encoding="utf-8")
            return Manifest.load(path)

    return load_content


@pytest.fixture(scope="session")
def mistakes() -> Mistakes:
    """Return the reasons why a manifest of these files does not load."""

    def reasons(*files: str, **options: Any) -> tuple[str, ...]:
        with pytest.raises(ManifestError) as caught:
            Manifest.load(*files, **options)
        return caught.value.reasons

    return reasons


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one, so that reasons begin with the bare name of a file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
