"""Who may import whom, print, or look at the environment: read from the package's own source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import rocketchat_integrations

PACKAGE = "rocketchat_integrations"
SOURCE = Path(rocketchat_integrations.__file__).parent

# Modules that import nothing of the package, and that each of the others may import.
LEAVES = {"_version", "_tracebacks", "_redaction", "_cancellation"}

# What each of the others may import, from the bottom to the top. A package is one entry, except for its modules that
# have an entry of their own.
VALUES = "exceptions models messages auth"
PROTOCOL = " ".join(
    f"_protocol.{module}"
    for module in [
        "http",
        "readers",
        "codec",
        "normalization",
        "errors",
        "endpoints",
        "retries",
        "updates",
        "paging",
        "rate_limits",
        "session",
        "arguments",
    ]
)
CLIENT = f"{VALUES} {PROTOCOL} _transports.driver"
MAY_IMPORT = {
    module: set(allowed.split())
    for module, allowed in {
        # values
        "exceptions": "models",  # for type checking: what two of them carry
        "models": "",
        "messages": "",
        "auth": "",
        # the protocol
        "_protocol": "",
        "_protocol.http": "",
        "_protocol.readers": "",
        "_protocol.codec": "_protocol.readers models messages exceptions",
        "_protocol.normalization": "models",
        "_protocol.errors": "_protocol.http exceptions",
        "_protocol.arguments": VALUES,
        "_protocol.endpoints": f"{VALUES} _protocol.http _protocol.codec _protocol.normalization _protocol.errors",
        "_protocol.retries": f"{VALUES} _protocol.http _protocol.endpoints",
        "_protocol.rate_limits": "_protocol.http _protocol.errors",
        "_protocol.updates": f"{VALUES} _protocol.endpoints _protocol.normalization _protocol.retries",
        "_protocol.paging": f"{VALUES} _protocol.endpoints _protocol.retries",
        "_protocol.session": f"{VALUES} _protocol.endpoints _protocol.retries",
        # I/O
        "_transports": "",
        "_transports.requests": "_protocol.http exceptions",
        "_transports.driver": f"{VALUES} {PROTOCOL} _transports.requests",
        # front doors
        "client": CLIENT,
        "logs": "client messages exceptions",
        # what Rocket.Chat sends to a bot
        "outgoing": "_protocol.readers _protocol.codec models messages exceptions",
        # integrations as code
        "manifest": "models exceptions",
        "provisioning": "models _protocol.normalization manifest exceptions",
        # the command line; the demo imports what users import
        "cli": f"__init__ {VALUES} {PROTOCOL} client outgoing manifest provisioning testing",
        "__main__": "cli",
        # the embedded server
        "testing": "auth",
        "testing.strategies": "models messages",
        # what users import
        "__init__": f"{VALUES} {PROTOCOL} client",
    }.items()
}

# What is imported from elsewhere by one module only.
RESERVED = {
    "requests": {"_transports.requests"},
    "urllib3": {"_transports.requests"},
    "http.client": {"_transports.requests", "testing"},
    "cattrs": {"_protocol.codec"},
    "werkzeug": {"testing"},
    "hypothesis": {"testing.strategies"},
    "click": {"cli"},
    "rich": {"cli"},
}


def entry_of(name: str) -> str:
    """Return the entry of the table for a name within the package."""
    own = (entry for entry in MAY_IMPORT if "." in entry and is_or_is_in(name, entry))
    return next(own, name.partition(".")[0])


def is_or_is_in(name: str, origin: str) -> bool:
    return f"{name}.".startswith(f"{origin}.")


class Module(NamedTuple):
    """A module of the package: its name within the package, its entry in the table, and its source."""

    name: str
    path: Path

    @property
    def entry(self) -> str:
        return entry_of(self.name)

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def imports(self) -> set[str]:
        """Return the absolute names of all that is imported, wherever it stands and whatever it is for."""
        names: set[str] = set()
        inside = PACKAGE if self.name == "__init__" else f"{PACKAGE}.{self.name}"
        parents = inside.split(".") if self.path.name == "__init__.py" else inside.split(".")[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = parents[: len(parents) + 1 - node.level] if node.level else []
                origin = ".".join([*base, *filter(None, [node.module])])
                names.update(f"{origin}.{alias.name}" for alias in node.names)
        return names

    def imported_entries(self) -> set[str]:
        """Return the entries of the table that are imported; the package itself is `__init__`."""
        entries = {entry_of(name.removeprefix(PACKAGE)[1:]) for name in self.imports() if is_or_is_in(name, PACKAGE)}
        return {entry if entry in ENTRIES else "__init__" for entry in entries} - {self.entry}


def modules() -> Iterator[Module]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield Module(".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts), path)


MODULES = list(modules())
ENTRIES = {module.entry for module in MODULES}
each_module = pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])


def test_every_module_has_its_place_in_the_table() -> None:
    assert ENTRIES - LEAVES - set(MAY_IMPORT) == set()


@each_module
def test_a_module_imports_only_what_lies_below_it(module: Module) -> None:
    allowed = set[str]() if module.entry in LEAVES else MAY_IMPORT[module.entry] | LEAVES
    assert module.imported_entries() - allowed == set()


def test_no_imports_go_round_in_a_circle() -> None:
    TopologicalSorter({module.name: module.imported_entries() for module in MODULES}).prepare()


@each_module
def test_a_library_is_imported_only_where_it_is_wrapped(module: Module) -> None:
    out_of_place = {
        name
        for name in module.imports()
        for library, owners in RESERVED.items()
        if is_or_is_in(name, library) and module.entry not in owners
    }
    assert out_of_place == set()


@each_module
def test_only_the_command_line_prints(module: Module) -> None:
    if module.entry in {"cli", "__main__"}:
        return
    printing = {
        f"line {node.lineno}"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"})
    }
    assert printing == set()


@each_module
def test_the_environment_is_read_in_few_places(module: Module) -> None:
    if module.entry in {"_transports.requests", "manifest", "cli"}:
        return
    allowed = {"from_env"} if module.entry == "client" else set[str]()
    assert set(readers_of_the_environment(module.tree)) - allowed == set()


def readers_of_the_environment(tree: ast.AST, function: str = "the module") -> Iterator[str]:
    """Yield the name of the function around each use of the environment."""
    for node in ast.iter_child_nodes(tree):
        names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set[str]()
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
            names.add(node.attr)
        if names & {"environ", "environb", "getenv", "getenvb"}:
            yield function
        inner = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
        yield from readers_of_the_environment(node, inner)


def modules_loaded_by(name: str) -> set[str]:
    """Return the modules that a fresh interpreter has after importing one."""
    program = f"import sys, {name}; sys.stdout.write(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_does_not_load_requests() -> None:
    unwanted = {"requests", "urllib3", "http.client", f"{PACKAGE}._transports.requests", f"{PACKAGE}.testing"}
    assert modules_loaded_by(PACKAGE) & unwanted == set()


def test_the_pytest_plugin_loads_nothing_of_the_package() -> None:
    assert {name for name in modules_loaded_by(f"_{PACKAGE}_pytest") if is_or_is_in(name, PACKAGE)} == set()


def test_importing_the_test_server_does_not_load_hypothesis() -> None:
    loaded = modules_loaded_by(f"{PACKAGE}.testing")
    assert f"{PACKAGE}.testing.server" in loaded
    assert loaded & {"hypothesis", f"{PACKAGE}.testing.strategies"} == set()
