"""YAML that the command line writes."""

from __future__ import annotations

import pytest
import yaml

from rocketchat_integrations.cli.yaml_output import yaml_text


@pytest.mark.parametrize("text", ["a\x85b", "\x85", "a\u2028", "a \u2029 b", "a\nb", "für", "1", ""])
@pytest.mark.parametrize("allow_unicode", [True, False])
def test_any_text_is_read_as_it_was_written(text: str, allow_unicode: bool) -> None:
    """Also one with the line breaks of Unicode, which PyYAML would turn into blanks."""
    assert yaml.safe_load(yaml_text({text: [text]}, allow_unicode=allow_unicode)) == {text: [text]}
