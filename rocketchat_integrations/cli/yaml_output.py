"""Write values as YAML."""

from __future__ import annotations

from typing import Any, cast

# PyYAML writes texts with these line breaks in single quotes, and then reads a blank in place of NEL.
_OTHER_LINE_BREAKS = frozenset("\x85\u2028\u2029")


def yaml_text(value: object, *, allow_unicode: bool = True) -> str:
    """Return YAML, with the keys in their order.

    Args:
        value: dicts, lists, texts, numbers, booleans and None.
        allow_unicode: whether characters beyond ASCII may stand in it; otherwise they are escaped.
    """
    import yaml

    library: Any = cast("Any", yaml)  # its stubs leave types partially unknown

    class Dumper(library.SafeDumper):  # type: ignore[misc] # the base class is Any
        """Writes texts with unusual line breaks in double quotes, which escape them."""

    def represent(dumper: Any, text: str) -> Any:
        style = '"' if _OTHER_LINE_BREAKS.intersection(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    text: str = library.dump(value, Dumper=Dumper, allow_unicode=allow_unicode, sort_keys=False)
    return text
