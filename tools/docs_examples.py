"""Write the Python examples of the documentation as modules, for the type checkers.

A page of ``docs`` is one module, whose blocks share their names as in the doctests. Each block of the README is a
module, because it is a program of its own.
"""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]

# An expression shows its value in a doctest.
_HEAD = "# pyright: reportUnusedExpression=false\n"

_DIRECTIVE = re.compile(
    r"^(?P<indent> *)\.\. (?:code-block:: python|(?P<name>testsetup|testcode|doctest)::).*\n"
    r"(?P<block>(?:(?P=indent)   .*\n|\s*\n)*)",
    re.MULTILINE,
)
_FENCE = re.compile(r"^```python\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL)


def modules() -> dict[str, str]:
    """Return the texts of the modules by their names."""
    readme = ROOT / "README.md"
    found = {f"readme_{line}": code for line, code in _blocks(readme, _FENCE)}
    for page in sorted((ROOT / "docs").rglob("*.rst")):
        blocks = [code for _, code in _blocks(page, _DIRECTIVE)]
        if blocks:
            name = page.relative_to(ROOT).with_suffix("").as_posix()
            found[re.sub(r"\W", "_", name)] = "\n\n".join(blocks)
    return {name: f"{_HEAD}\n{text}\n" for name, text in found.items()}


def _blocks(file: Path, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the code of each block."""
    text = file.read_text(encoding="utf-8")
    for found in pattern.finditer(text):
        code = dedent(re.sub(r"\A(?: +:.*\n)+", "", found["block"])).strip()
        if code.startswith(">>> "):
            code = "".join(example.source for example in doctest.DocTestParser().get_examples(code)).rstrip()
        line = text.count("\n", 0, found.start("block")) + 1
        yield line, f"# {file.relative_to(ROOT)}:{line}\n{code}"


def write(folder: Path) -> None:
    """Write the modules to a folder, in place of older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, text in modules().items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
