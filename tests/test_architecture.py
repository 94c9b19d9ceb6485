"""The package's structure, read from its source: imports, names, printing, the environment."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import rocketchat_integrations

PACKAGE = "rocketchat_integrations"
SOURCE = Path(rocketchat_integrations.__file__).parent

# Modules that import nothing of the package, and that every module may import.
LEAVES = {"_version", "_redaction", "_cancellation", "_printable"}

# What each module may import of the package, from the bottom to the top. A package is one row, except for its modules
# that have a row of their own.
MAY_IMPORT = {
    module: set(allowed.split())
    for module, allowed in {
        # values
        "_validation": "",
        "_call_outcomes": "",
        "models": "_call_outcomes _validation",
        "exceptions": "models messages",  # for type checking
        "messages": "",
        "_message_rules": "",
        "_text_length": "_validation",
        "auth": "",
        "_tracebacks": "exceptions",
        # the protocol: from bytes to records
        "_protocol": "",
        "_protocol.http": "",
        "_protocol.readers": "",
        "_protocol.usual_records": "_protocol.readers models",
        "_protocol.codec": "_protocol.readers _protocol.usual_records models messages exceptions",
        "_protocol.normalization": "_validation models",
        "_protocol.json_bodies": "_protocol.readers",
        "_protocol.transport_errors": "exceptions",
        "_protocol.errors": (
            "_protocol.readers _protocol.http _protocol.json_bodies _protocol.transport_errors exceptions"
        ),
        "_protocol.list_bodies": "_protocol.json_bodies _protocol.readers exceptions",
        "_protocol.endpoints": (
            "_protocol.http _protocol.readers _protocol.codec _protocol.json_bodies _protocol.list_bodies "
            "_protocol.normalization _protocol.errors "
            "_validation _message_rules models messages auth exceptions"
        ),
        # the protocol: flows
        "_protocol.flows": "_protocol.http _protocol.endpoints auth",
        "_protocol.arguments": "_validation _protocol.readers models auth exceptions",
        "_protocol.updates": (
            "_protocol.arguments _protocol.endpoints _protocol.flows _protocol.normalization "
            "_validation models exceptions"
        ),
        "_protocol.repeat_filters": "",
        "_protocol.paging": (
            "_protocol.codec _protocol.endpoints _protocol.flows _protocol.repeat_filters models exceptions"
        ),
        "_protocol.overflow": "_protocol.endpoints _protocol.flows _text_length _validation messages exceptions",
        "_protocol.calls": (
            "_protocol.arguments _protocol.endpoints _protocol.flows _protocol.updates _protocol.paging "
            "_protocol.overflow _protocol.normalization "
            "_validation _tracebacks models messages exceptions"
        ),
        # the protocol: from flows to the steps of a driver
        "_protocol.headers": "_protocol.http auth",
        "_protocol.transport_warnings": "exceptions",
        "_protocol.retry_budget": "",
        "_protocol.retries": "_protocol.http _protocol.endpoints _protocol.flows _protocol.retry_budget exceptions",
        "_protocol.rate_limits": "_protocol.http _protocol.errors",
        "_protocol.options": ("_protocol.arguments _protocol.http _protocol.retries _tracebacks exceptions"),
        "_protocol.session": ("_protocol.arguments _protocol.http _protocol.endpoints _protocol.flows auth exceptions"),
        "_protocol.exchange": (
            "_protocol.http _protocol.endpoints _protocol.flows _protocol.headers _protocol.retries "
            "_protocol.rate_limits _protocol.retry_budget _protocol.transport_warnings "
            "_protocol.options _protocol.session auth exceptions"
        ),
        # I/O
        "_transports": "",
        "_transports.translation": "_protocol.transport_errors exceptions",
        "_transports.certificates": "_protocol.transport_warnings exceptions",
        "_transports.bodies": "_protocol.transport_errors",
        "_transports.connections": "_protocol.http",
        "_transports.forks": "",
        "_transports.requests": (
            "_transports.bodies _transports.certificates _transports.connections _transports.translation "
            "_protocol.http _protocol.options exceptions"
        ),
        "_transports.aiohttp_connections": "",
        "_transports.proxies": "_protocol.transport_errors",
        "_transports.aiohttp": (
            "_transports.aiohttp_connections _transports.proxies "
            "_transports.bodies _transports.certificates _transports.connections _transports.translation "
            "_protocol.http _protocol.options _protocol.transport_errors exceptions"
        ),
        "_transports.driver": (
            "_transports.requests _transports.forks "
            "_protocol.http _protocol.flows _protocol.options _protocol.exchange auth exceptions"
        ),
        "_transports.event_loops": "",
        "_transports.async_driver": (
            "_transports.aiohttp _transports.event_loops _transports.forks "
            "_protocol.http _protocol.flows _protocol.options _protocol.exchange auth exceptions"
        ),
        # what users call
        "client": (
            "_protocol.arguments _protocol.options _protocol.paging _protocol.calls _transports.driver _tracebacks "
            "models messages auth exceptions"
        ),
        "aio": (
            "_protocol.arguments _protocol.options _protocol.paging _protocol.calls _transports.async_driver "
            "_tracebacks provisioning models messages auth exceptions"
        ),
        "logs": "_log_entries _log_sender client _tracebacks exceptions",
        "_log_sender": "_log_entries client",
        "_log_entries": "_text_length messages",
        # what Rocket.Chat sends to a bot
        "outgoing": "_validation _message_rules _protocol.readers _protocol.codec _tracebacks models messages "
        "exceptions",
        # scripts of integrations
        "scripts": "scripts._engine _protocol.codec _tracebacks messages exceptions",
        "scripts._engine": "scripts _tracebacks exceptions",
        # integrations as code
        "manifest": "_validation _tracebacks models exceptions",
        "provisioning": "_protocol.normalization manifest models exceptions",
        # what is wrong with a workspace
        "audit": "scripts models exceptions",
        # the command line
        "cli": (
            "__init__ _validation _text_length client outgoing scripts scripts._engine manifest provisioning audit "
            "testing models messages auth exceptions"
        ),
        "__main__": "cli",
        # the embedded server
        "testing": "testing._world testing._http testing._bot testing.server",
        "testing._world": "scripts._engine exceptions",
        "testing._delivery": "testing._world scripts._engine exceptions",
        "testing._api": "testing._world testing._delivery",
        "testing._http": "testing._world testing._delivery testing._api",
        "testing.server": "testing._world testing._http scripts._engine auth",
        "testing._bot": "",
        "testing.strategies": "_validation models messages",
        # the face
        "__init__": (
            "_protocol.http _protocol.normalization _protocol.options _protocol.retries client "
            "models messages auth exceptions"
        ),
    }.items()
}

# What is imported from elsewhere by one module only.
RESERVED = {
    "requests": {"_transports.requests"},
    "urllib3": {"_transports.requests"},
    "aiohttp": {"_transports.aiohttp", "_transports.aiohttp_connections"},
    "yarl": {"_transports.aiohttp", "_transports.proxies"},
    "certifi": {"_transports.aiohttp"},
    "http.client": {"_transports.requests", "_transports.connections", "testing", "cli.commands.say"},
    "cattrs": {"_protocol.codec"},
    "werkzeug": {"testing"},
    "hypothesis": {"testing.strategies"},
    "py_mini_racer": {"scripts._v8"},
    "redis": {"outgoing._redis_repeats"},
    "click": {"cli"},
    "rich": {"cli"},
}


# Modules that read the environment, beside `from_env` of the clients and webhooks.
READS_THE_ENVIRONMENT = {"_transports.certificates", "manifest", "cli"}


def allowed_for(module: Module) -> set[str]:
    return set() if module.entry in LEAVES else MAY_IMPORT[module.entry] | LEAVES


def entry_of(name: str) -> str:
    """Return the entry of the table for a name within the package."""
    own = (entry for entry in MAY_IMPORT if "." in entry and is_or_is_in(name, entry))
    return next(own, name.partition(".")[0])


def is_or_is_in(name: str, origin: str) -> bool:
    return f"{name}.".startswith(f"{origin}.")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


class Module(NamedTuple):
    """A module of the package: its name within the package, its entry in the table, and its source."""

    name: str
    path: Path

    @property
    def entry(self) -> str:
        return entry_of(self.name)

    @property
    def tree(self) -> ast.Module:
        return parsed(self.path)

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


def violations(check: Callable[[Module], set[str]]) -> dict[str, set[str]]:
    """Return what a check finds, by the names of the modules."""
    return {module.name: found for module in MODULES if (found := check(module))}


def test_every_module_has_a_row_in_the_table_and_every_row_a_module() -> None:
    assert set(MAY_IMPORT) == ENTRIES - LEAVES


def test_a_module_imports_only_what_the_table_allows() -> None:
    assert violations(lambda module: module.imported_entries() - allowed_for(module)) == {}


def test_the_table_allows_nothing_that_is_not_used() -> None:
    imported: dict[str, set[str]] = {}
    for module in MODULES:
        imported.setdefault(module.entry, set()).update(module.imported_entries())
    unused = {entry: allowed - imported[entry] for entry, allowed in MAY_IMPORT.items()}
    assert {entry: names for entry, names in unused.items() if names} == {}


def test_imports_have_no_cycle() -> None:
    """The modules of one package do not import each other in a cycle, either."""
    names = {module.name for module in MODULES}

    def origin(name: str) -> str:
        """Return the module that an imported name is from."""
        while name and name not in names:
            name = name.rpartition(".")[0]
        return name or "__init__"

    graph = {
        module.name: {origin(name.removeprefix(PACKAGE)[1:]) for name in module.imports() if is_or_is_in(name, PACKAGE)}
        for module in MODULES
    }
    TopologicalSorter({name: imported - {name} for name, imported in graph.items()}).prepare()


def test_a_library_is_imported_only_where_it_is_wrapped() -> None:
    def out_of_place(module: Module) -> set[str]:
        libraries = {library for name in module.imports() for library in RESERVED if is_or_is_in(name, library)}
        return {library for library in libraries if not any(is_or_is_in(module.name, it) for it in RESERVED[library])}

    assert violations(out_of_place) == {}


def test_only_the_command_line_prints() -> None:
    def printing(module: Module) -> set[str]:
        return {
            f"line {node.lineno}"
            for node in ast.walk(module.tree)
            if (isinstance(node, ast.Name) and node.id == "print")
            or (isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"})
        }

    # The logging handler tells on standard error how many records it drops, as other handlers tell their errors.
    assert {name for name in violations(printing) if entry_of(name) not in {"cli", "__main__", "_log_sender"}} == set()


def test_the_environment_is_read_in_few_places() -> None:
    found = violations(lambda module: set(readers_of_the_environment(module.tree)))
    elsewhere = {name: functions for name, functions in found.items() if entry_of(name) not in READS_THE_ENVIRONMENT}
    assert elsewhere == {"client": {"from_env"}, "aio": {"from_env"}}


def test_no_two_modules_have_the_same_file_name() -> None:
    names = Counter(module.path.name for module in MODULES if module.path.name != "__init__.py")
    assert [name for name, times in names.items() if times > 1] == []


def test_no_two_public_classes_have_the_same_name() -> None:
    names = Counter(
        node.name
        for module in MODULES
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, times in names.items() if times > 1] == []


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


def test_importing_the_package_does_not_load_requests_cattrs_or_asyncio() -> None:
    unwanted = {"requests", "cattrs", "urllib3", "http.client", f"{PACKAGE}._transports.requests", f"{PACKAGE}.testing"}
    assert modules_loaded_by(PACKAGE) & {*unwanted, "asyncio", "aiohttp", f"{PACKAGE}.aio"} == set()


def test_importing_the_asynchronous_client_does_not_load_aiohttp() -> None:
    assert modules_loaded_by(f"{PACKAGE}.aio") & {"aiohttp", "yarl", "requests"} == set()


def test_the_pytest_plugin_loads_nothing_of_the_package() -> None:
    assert {name for name in modules_loaded_by(f"_{PACKAGE}_pytest") if is_or_is_in(name, PACKAGE)} == set()


def test_importing_the_test_server_does_not_load_hypothesis() -> None:
    loaded = modules_loaded_by(f"{PACKAGE}.testing")
    assert f"{PACKAGE}.testing.server" in loaded
    assert loaded & {"hypothesis", f"{PACKAGE}.testing.strategies"} == set()


def test_importing_the_test_server_does_not_load_the_engine_of_scripts() -> None:
    assert modules_loaded_by(f"{PACKAGE}.testing") & {"py_mini_racer", f"{PACKAGE}.scripts"} == set()
