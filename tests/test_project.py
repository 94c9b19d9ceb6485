"""Tests of the project itself: version, licence, pinned versions, commands of the README, packaging."""

import csv
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import rocketchat_integrations
from rocketchat_integrations import Client, IncomingIntegration
from rocketchat_integrations.testing import LocalRocketChat

ROOT = Path(__file__).parent.parent
ISSUE_FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
DISTRIBUTION = metadata.distribution("rocketchat-integrations")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_tests_run_against_the_installed_package() -> None:
    if json.loads(DISTRIBUTION.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("the package is installed as editable: the tests run against the checkout")
    assert Path(rocketchat_integrations.__file__).is_relative_to(sysconfig.get_path("purelib"))


def test_the_version_is_the_same_everywhere() -> None:
    version = rocketchat_integrations.__version__
    assert version == DISTRIBUTION.version
    released = re.search(r"^## \[(\d[^]]*)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert released is not None
    assert version == released[1]


def test_the_licence_is_mit() -> None:
    assert read("LICENSE").startswith("MIT License\n")
    assert DISTRIBUTION.metadata["License-Expression"] == "MIT"


def test_the_package_is_marked_as_typed() -> None:
    assert Path(rocketchat_integrations.__file__).with_name("py.typed").is_file()


def test_the_type_checkers_get_every_example_of_the_documentation() -> None:
    """Each block of Python in the README and the pages is in a module that compiles."""
    modules = runpy.run_path(str(ROOT / "tools" / "docs_examples.py"))["modules"]()
    pages = [read("README.md"), *(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.rst"))]
    block = r"^(?:```python| *\.\. (?:testsetup|testcode|doctest|code-block:: python)\b)"
    expected = sum(len(re.findall(block, page, re.MULTILINE)) for page in pages)
    assert sum(len(re.findall(r"^# [\w/.-]+:\d+$", text, re.MULTILINE)) for text in modules.values()) == expected > 0
    for name, text in modules.items():
        compile(text, name, "exec")
        assert ">>>" not in text


def test_every_requirement_is_pinned() -> None:
    """The checks install an exact version of each requirement, one that the requirement allows."""
    pins = dict(re.findall(r"^([\w-]+)==([^\s;]+)", read("constraints.txt"), re.MULTILINE))
    declared = tomllib.loads(read("pyproject.toml"))
    project = declared["project"]
    lists = [declared["build-system"]["requires"], project["dependencies"]]
    lists += [*project["optional-dependencies"].values(), *declared["dependency-groups"].values()]
    for requirement in (Requirement(text) for texts in lists for text in texts if isinstance(text, str)):
        assert requirement.specifier.contains(pins[requirement.name.lower().replace("_", "-")]), requirement


def test_the_pins_name_no_address() -> None:
    """The checks download from the index that the machine is set up with."""
    assert not re.search(r"://|^-", read("constraints.txt"), re.MULTILINE)


def test_anybody_can_build_the_same_packages(tmp_path: Path) -> None:
    """Whatever the folder, the time zone, the times of the files, and the permissions that the system gives them."""
    packages = [
        build(tmp_path / "a", umask=0o022, timezone="UTC", times=2_000_000_000),
        build(tmp_path / "b c", umask=0o077, timezone="Pacific/Kiritimati", times=1_000_000_000),
    ]
    assert len(packages[0]) == 2
    # Not `==`, which would show the difference of a megabyte.
    assert [name for name, content in packages[0].items() if packages[1][name] != content] == []


def build(folder: Path, *, umask: int, timezone: str, times: int) -> dict[str, bytes]:
    """Return the sdist and the wheel that are built of a copy of the checkout, by their names."""
    patterns = (".*_cache", ".git", ".hypothesis", ".nox", "__pycache__", "_build", "build", "node_modules")
    checkout = shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(*patterns))
    for path in checkout.rglob("*"):
        path.chmod(path.stat().st_mode & ~umask)
        os.utime(path, (times, times))
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder / "dist")]
    environment = {**os.environ, "TZ": timezone, "PYTHONHASHSEED": str(umask)}
    subprocess.run(command, cwd=checkout, env=environment, umask=umask, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_the_sdist_has_the_pages_that_the_readme_names() -> None:
    """And nothing is listed for it that does not exist."""
    declared = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert [name for name in declared if not (ROOT / name).exists()] == []
    assert {"tests", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md"} <= set(declared)


def test_the_links_of_the_index_lead_to_files() -> None:
    """The README is the page of the package there, so that its links are absolute; so are those of the metadata."""
    metadata_urls = dict(line.split(", ", 1) for line in DISTRIBUTION.metadata.get_all("Project-URL") or [])
    assert set(metadata_urls) == {"Changelog", "Documentation", "Issues", "Security", "Source"}
    source = metadata_urls["Source"]
    readme = re.sub(r"^```.*?^```$", "", read("README.md"), flags=re.MULTILINE | re.DOTALL)
    defined = dict(re.findall(r"^\[([^]]+)\]: (\S+)$", readme, re.MULTILINE))
    assert set(re.findall(r"\]\[([^]]+)\]", readme)) == defined.keys()
    links = [*metadata_urls.values(), *defined.values(), *re.findall(r"\]\((\S+?)\)", readme)]
    assert [link for link in links if not link.startswith("https://")] == []
    paths = [re.fullmatch(rf"{re.escape(source)}/(?:blob|tree|raw)/main/([^#]+)(?:#.*)?", link) for link in links]
    named = [path[1] for path in paths if path is not None]
    assert "CHANGELOG.md" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
    other = {link for link in links if link.startswith(source)} - {link for link in links if "/main/" in link}
    assert other == {source, f"{source}/issues"}


def test_the_readme_claims_no_speed_that_was_not_measured() -> None:
    """The figure is no better than the last measurement, and within the bound."""
    figures = csv.reader(read("docs/explanation/performance-figures.inc").splitlines(), skipinitialspace=True)
    measured, bound = next(row[2:] for row in figures if row[:2] == ["client.create", "session.post of requests"])
    claimed = re.search(r"^\| time of a call.*?\[([\d.]+)\]", read("README.md"), re.MULTILINE)
    assert claimed is not None
    assert float(measured) <= float(claimed[1]) <= float(bound)


def test_the_citation_is_complete() -> None:
    """It has the fields that the format requires, and the version, licence and address of the package."""
    citation: dict[str, Any] = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == rocketchat_integrations.__version__
    assert citation["license"] == DISTRIBUTION.metadata["License-Expression"]
    assert f"Source, {citation['repository-code']}" in (DISTRIBUTION.metadata.get_all("Project-URL") or [])
    dates = re.search(rf"^## \[{re.escape(citation['version'])}\] - (\S+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert (dates and dates[1]) == (citation.get("date-released") and str(citation["date-released"]))


def test_the_issue_forms_can_be_filled_in() -> None:
    """Each is a form with a name and fields of their own ids, and a bug report asks for the versions."""
    forms = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in ISSUE_FORMS.glob("*.yml")}
    contacts = forms.pop("config")["contact_links"]
    assert [contact["url"] for contact in contacts] == re.findall(
        r"^\[advisories\]: (.*)$", read("SECURITY.md"), re.MULTILINE
    )
    ids = {name: [field["id"] for field in form["body"] if field["type"] != "markdown"] for name, form in forms.items()}
    assert all(form["name"] and form["description"] for form in forms.values())
    assert all(len(each) == len(set(each)) for each in ids.values())
    assert {"version", "server", "python"} <= set(ids["bug"])


def test_pytest_finds_the_plugin() -> None:
    (plugin,) = (point for point in DISTRIBUTION.entry_points if point.group == "pytest11")
    assert callable(plugin.load().rocketchat)


@pytest.mark.parametrize("word", ["rocketchat_integrations demo", "nox"])
def test_a_command_of_the_readme_can_be_copied(word: str) -> None:
    """The first line that names it is the command, and a block of its own."""
    lines = read("README.md").splitlines()
    number = next(number for number, line in enumerate(lines) if word in line)
    assert re.match(r"(python|pip|pipx) ", lines[number])
    assert lines[number - 1].startswith("```")
    assert lines[number + 1] == "```"


def test_ci_runs_all_checks_by_the_command_of_the_readme() -> None:
    pattern = re.search(r"grep -m 1 -E '(.*)' README.md", read(".ci/run"))
    assert pattern is not None
    first = next(line for line in read("README.md").splitlines() if re.search(pattern[1], line))
    assert first.endswith("python -m nox")


def test_the_reference_documents_every_public_name() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference").glob("*.rst"))
    shown = set(re.findall(r"^\.\. auto(?:class|data|exception|function):: (\w+)(?:\(\))?$", pages, re.MULTILINE))
    assert set(rocketchat_integrations.__all__) - shown == {"__version__"}


def python_blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_readme_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalRocketChat() as server, Client(server.url, server.auth("admin")) as admin:
        hook = admin.create(IncomingIntegration(name="own", channel="#general", username="rocket.cat"))
        replacements = {
            '"https://chat.example.com/hooks/ID/TOKEN"': "webhook_url",
            '"https://chat.example.com"': "server.url",
            'TokenAuth(user_id="…", token="…")': 'server.auth("admin")',
        }
        names: dict[str, Any] = {"server": server, "webhook_url": admin.webhook(hook).url}
        monkeypatch.setenv("ROCKETCHAT_URL", server.url)
        monkeypatch.setenv("ROCKETCHAT_USER_ID", server.auth("admin").user_id)
        monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", server.auth("admin").token)
        monkeypatch.setenv("DEPLOY_BOT_TOKEN", "the bot's")
        for example in python_blocks("README.md"):
            for shown, used in replacements.items():
                example = example.replace(shown, used)
            exec(example, names)
        names["test_alerts_reach_the_room"](server)
        call = {"token": "the bot's", "text": "!deploy web", "user_name": "alice"}
        answer = names["bot"].handle(json.dumps(call), "application/json")
        assert json.loads(answer.body) == {"text": "deploying web for alice"}


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("Add a field of an integration", "trigger_word_anywhere|triggerWordAnywhere"),
        ("Add an option of the connection", "pool_size"),
        ("Add an event", "ROOM_LEFT|RoomLeft|roomLeft"),
    ],
)
def test_contributing_names_the_files_that_a_common_change_touches(section: str, names: str) -> None:
    """A contributor who follows the steps forgets no file, and finds each."""
    steps = read("CONTRIBUTING.md").partition(f"### {section}\n")[2].partition("\n### ")[0]
    named = set(re.findall(r"`([\w/.]+\.(?:py|json))`", steps))
    package = ROOT / "rocketchat_integrations"
    assert [name for name in sorted(named) if not (package / name).is_file()] == []
    files = [path for path in package.rglob("*") if path.suffix in {".py", ".json"}]
    mentioned = {
        path.relative_to(package).as_posix() for path in files if re.search(names, path.read_text(encoding="utf-8"))
    }
    assert mentioned - named == set()
