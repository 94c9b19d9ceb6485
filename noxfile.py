"""Sessions for tests, checks and chores: `python -m nox` runs all checks, `python -m nox --list` names the sessions.

Arguments after `--` go to pytest, and coverage is then not checked: `python -m nox -s tests-3.12 -- -x -k update`.
"""

import argparse
import itertools
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2025.10.16"

ROOT = Path(__file__).parent
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
CONTRACT = ROOT / "tests" / "contract"
BROWSER = ROOT / "tests" / "browser"
ANALYSIS = ROOT / "tools" / "script_analysis"
PROJECT = nox.project.load_toml(PYPROJECT)
# The classifiers name the versions that the checks have run with; newer ones are tested where they are installed.
PYTHONS = [*nox.project.python_versions(PROJECT), "3.14"]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
COVERED = RUNNING if RUNNING in PYTHONS else PYTHONS[0]
# Two processes even on one core: half of the time, tests wait for processes and connections.
IN_PARALLEL = ("--numprocesses=2", "--dist=worksteal")

# pyenv does not put its interpreters on the path.
pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, sorted(pyenv.glob("versions/3.*/bin")))])

# Tests of what is the same for each Python: sources, documentation, JSON Schema, JavaScript, recipes for CI, strategies
# for hypothesis, and what the live suite leaves behind.
WITH_ONE_PYTHON = (
    "cli/test_gitops.py",
    "docs",
    "live",
    "manifest/test_schema.py",
    "scripts/test_analysis.py",
    "scripts/test_ready_made.py",
    "test_architecture.py",
    "test_project.py",
    "testing/test_strategies.py",
)
nox.options.sessions = ["tests", "contract", "lint", "types", "docs"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
# Skip the Pythons that are not installed; fail if none is.
nox.options.error_on_missing_interpreters = not any(
    python == RUNNING or shutil.which(f"python{python}") for python in PYTHONS
)


def group(*names: str) -> list[str]:
    """Return the requirements of dependency groups."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def install(session: nox.Session, *requirements: str) -> None:
    """Install requirements in the exact versions of the constraints file."""
    session.install("--constraint", str(CONSTRAINTS), *requirements)


def wheel(session: nox.Session) -> str:
    """Return the wheel that the session `build` has made, with all extras."""
    (path,) = dist(session).glob("*.whl")
    return f"{path}[{','.join(PROJECT['project']['optional-dependencies'])}]"


def dist(session: nox.Session) -> Path:
    return session.cache_dir / "dist"


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist, and from it the wheel that the other sessions install."""
    install(session, *group("build"), *PROJECT["build-system"]["requires"])
    shutil.rmtree(dist(session), ignore_errors=True)
    # Without isolation, the backend too has the version of the constraints file.
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(dist(session)), str(ROOT), silent=True)


@nox.session(requires=["build"])
def release(session: nox.Session) -> None:
    """Check the sdist and the wheel as the package index does. Upload the files that it names."""
    install(session, *group("release"))
    session.run("twine", "check", "--strict", *map(str, sorted(dist(session).iterdir())))


@nox.session
def security(session: nox.Session) -> None:
    """Check the code with ruff, whose rules include those on security, and the pinned packages for vulnerabilities.

    pip-audit asks the vulnerability service of PyPI. Where that cannot be reached, such as behind a mirror, the session
    is skipped, or fails if `CI` is set.
    """
    install(session, *group("security"))
    session.run("ruff", "check")
    report = Path(session.create_tmp()) / "audit.json"
    report.unlink(missing_ok=True)
    # Exact versions, and so nothing to resolve. Also 1 if the service cannot be reached.
    what = ("--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--progress-spinner", "off")
    session.run("pip-audit", *what, "--format", "json", "--output", str(report), success_codes=[0, 1])
    packages: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["dependencies"] if report.exists() else []
    vulnerable = [f"{it['name']} {it['version']}: {each['id']}" for it in packages for each in it.get("vulns", ())]
    if vulnerable:
        session.error(f"known vulnerabilities: {', '.join(vulnerable)}")
    known = [it for it in packages if "vulns" in it]
    if len(known) < len(packages) or not packages:
        give_up(session, f"the vulnerability service knows only {len(known)} of {len(packages)} packages")


def give_up(session: nox.Session, reason: str) -> None:
    """Skip a session that lacks something. CI must not leave anything out unnoticed."""
    if os.environ.get("CI"):
        session.error(reason)
    session.skip(reason)


@nox.session(python=PYTHONS, requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; with one Python, check that every branch is covered."""
    install(session, wheel(session), *group("test"))
    if session.python == COVERED and not session.posargs:
        session.env["COVERAGE_RCFILE"] = str(PYPROJECT)
        run_tests(session, under=("coverage", "run", "-m"))
        with session.chdir(session.create_tmp()):
            session.run("coverage", "combine", "--quiet")
            session.run("coverage", "report")
    else:
        run_tests(session, *(f"--ignore={ROOT / 'tests' / name}" for name in WITH_ONE_PYTHON))


@nox.session(python=PYTHONS[0], requires=["build"])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that the package claims to work with."""
    declared = PROJECT["project"]
    floors = [*declared["dependencies"], *itertools.chain(*declared["optional-dependencies"].values())]
    pins = [floor.replace(">=", "==") for floor in floors]
    session.install(wheel(session), *pins, *group("test"))
    run_tests(session)


@nox.session(requires=["build"])
def newest(session: nox.Session) -> None:
    """Run the tests and the other checks with the newest versions of everything."""
    session.install("--upgrade", wheel(session), *group("dev"))
    run_tests(session)
    run_types(session)
    run_docs(session)
    run_lint(session)


def run_tests(session: nox.Session, *options: str, under: Sequence[str] = ("python", "-m")) -> None:
    """Run all tests except those that sessions of their own run."""
    elsewhere = (f"--ignore={folder}" for folder in (CONTRACT, BROWSER))
    run_pytest(session, ROOT / "tests", *elsewhere, *options, *IN_PARALLEL, under=under)


def run_pytest(
    session: nox.Session,
    *arguments: str | Path,
    under: Sequence[str] = ("python", "-m"),
    posargs: Sequence[str] | None = None,
) -> None:
    pytest = ["pytest", f"--config-file={PYPROJECT}", f"--rootdir={ROOT}", *map(str, arguments)]
    # In the checkout, `-m` would import the checkout's package instead of the wheel's.
    with session.chdir(session.create_tmp()):
        # After Ctrl-C, wait until the tests have tidied up; a second Ctrl-C ends them.
        further = session.posargs if posargs is None else posargs
        session.run(*under, *pytest, *further, interrupt_timeout=None)


@nox.session(requires=["build"])
def contract(session: nox.Session) -> None:
    """Check requests against the validators that the vendor publishes, of each version in tests/contract/package.json.

    With `--schema-version`, check another version instead: `python -m nox -s contract -- --schema-version 9.0.0`.
    """
    parser = argparse.ArgumentParser(prog="nox -s contract --", add_help=False, allow_abbrev=False)
    parser.add_argument("--schema-version")
    options, for_pytest = parser.parse_known_args(session.posargs)
    missing = [program for program in ("node", "npm") if not shutil.which(program)]
    if missing:
        give_up(session, f"the contract tests need Node.js 20 or newer with npm; not found: {', '.join(missing)}")
    install(session, wheel(session), *group("test"))
    with session.chdir(CONTRACT):
        npm_ci(session)
        version = [options.schema_version] if options.schema_version else []
        session.run("node", "build.js", *version, external=True)
    with session.chdir(ANALYSIS):
        npm_ci(session)
    # Empty means the versions in package.json.
    session.env["ROCKETCHAT_SCHEMA_VERSION"] = options.schema_version or ""
    run_pytest(session, CONTRACT, *IN_PARALLEL, posargs=for_pytest)


def npm_ci(session: nox.Session) -> None:
    """Install the locked packages of the current folder."""
    # Override the user's npm settings: install all locked packages, and leave the check of Node.js to the tests.
    everything = ("--include=dev", "--include=optional", "--engine-strict=false")
    quietly = ("--no-audit", "--no-fund", "--loglevel=error")
    session.run("npm", "ci", "--ignore-scripts", *everything, *quietly, external=True)


@nox.session
def live(session: nox.Session) -> None:
    """Run the live suite against the workspace that the environment names: see CONTRIBUTING.md."""
    wanted = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_ROOM")
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        session.error(f"missing environment variables: {', '.join(missing)}; see CONTRIBUTING.md")
    build(session)  # not by `requires`, which would build before the variables are checked
    install(session, wheel(session), *group("test"))
    # The client logs when it waits for rate limits.
    run_pytest(session, ROOT / "tests" / "live" / "test_live.py", "--live", "--log-cli-level=INFO")


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """Measure the package side by side with the alternatives; write the table of the page about performance.

    Takes about two minutes. With arguments after `--` for the benchmarks, no table is written:
    `python -m nox -s bench -- --rounds 20 import help`.
    """
    install(session, wheel(session), *group("bench"))
    folder = Path(session.create_tmp())
    link = folder / "benchmarks"
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "benchmarks")
    session.chdir(folder)  # in the checkout, `-m` would import the checkout's package instead of the wheel's
    table = ROOT / "docs" / "explanation" / "performance-figures.inc"
    session.run("python", "-m", "benchmarks", *(session.posargs or ("--docs", str(table))))


@nox.session(requires=["build"])
def faults(session: nox.Session) -> None:
    """Make every call under every fault, and the long runs; write the figures of the page about reliability.

    Takes about a quarter of an hour. With arguments after `--` for pytest, no figures are written:
    `python -m nox -s faults -- -k "Client.create and hang"`.
    """
    install(session, wheel(session), *group("test"))
    folder = ROOT / "tests" / "faults"
    results = Path(session.create_tmp()).absolute() / "results.json"
    results.unlink(missing_ok=True)
    options = ("--all-faults", f"--fault-results={results}", "--tb=short", "--show-capture=no")
    if session.posargs:
        run_pytest(session, folder, *options)
        return
    # Most of the calls wait for a timeout; the long runs measure this process.
    run_pytest(session, folder / "test_matrix.py", *options, "--numprocesses=6", "--dist=worksteal")
    run_pytest(session, folder / "test_long_runs.py", *options)
    text = session.run("python", str(ROOT / "tools" / "reliability.py"), str(results), silent=True)
    (ROOT / "docs" / "explanation" / "reliability-figures.inc").write_text(str(text), encoding="utf-8")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and spelling."""
    install(session, *group("lint"))
    run_lint(session)


def run_lint(session: nox.Session) -> None:
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright, and that every public name has one."""
    install(session, wheel(session), *group("types"))
    run_types(session)


def run_types(session: nox.Session) -> None:
    session.env["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"  # no hints at newer releases
    # The examples of the documentation are checked together with the rest: a checker runs once.
    examples = ROOT / "docs" / "_build" / "examples"
    session.run("python", str(ROOT / "tools" / "docs_examples.py"), str(examples))
    session.run("mypy", *PROJECT["tool"]["mypy"]["files"], str(examples))
    session.run("pyright")
    with session.chdir(session.create_tmp()):  # check the wheel, which users get
        session.run("pyright", "--verifytypes", "rocketchat_integrations", "--ignoreexternal")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors, run its examples, and open its pages in Chromium."""
    install(session, wheel(session), *group("docs", "browser"))
    run_docs(session)


def run_docs(session: nox.Session) -> None:
    shutil.rmtree(ROOT / "docs" / "_build" / "html", ignore_errors=True)  # may have pages that are gone
    for builder in ("html", "doctest"):
        what = ("-b", builder, "-d", "docs/_build/doctrees", "docs", f"docs/_build/{builder}")
        session.run("sphinx-build", "-nWq", "--keep-going", *what)
    run_pytest(session, BROWSER, *IN_PARALLEL)


@nox.session(requires=["build"])
def schema(session: nox.Session) -> None:
    """Write the JSON Schema of manifests, made from the fields of the definitions."""
    install(session, wheel(session))
    text = session.run("python", str(ROOT / "tools" / "manifest_schema.py"), silent=True)
    (ROOT / "rocketchat_integrations" / "manifest.schema.json").write_text(str(text), encoding="utf-8")


@nox.session(requires=["build"])
def picture(session: nox.Session) -> None:
    """Write the picture of the README, made by a real run."""
    install(session, wheel(session))
    text = session.run("python", "-m", "docs.pictures.readme", silent=True)
    (ROOT / "docs" / "_static" / "plan.svg").write_text(str(text), encoding="utf-8")


@nox.session
def twins(session: nox.Session) -> None:
    """Write the synchronous client, made from the asynchronous one."""
    text = session.run("python", str(ROOT / "tools" / "sync_client.py"), silent=True)
    (ROOT / "rocketchat_integrations" / "client.py").write_text(str(text), encoding="utf-8")


@nox.session
def analyzer(session: nox.Session) -> None:
    """Write the bundle that `Script.problems` runs, and the licences of the packages in it."""
    with session.chdir(ANALYSIS):
        npm_ci(session)
        session.run("npm", "run", "--silent", "build", external=True)


@nox.session
def pin(session: nox.Session) -> None:
    """Write the newest versions that fit all supported Pythons to the constraints file."""
    session.install("uv")
    declared = PROJECT["project"]
    extras = itertools.chain(*declared["optional-dependencies"].values())
    groups = group("build", "release", "security", "dev")
    wanted = Path(session.create_tmp()) / "requirements.in"
    wanted.write_text("\n".join([*declared["dependencies"], *extras, *groups, *PROJECT["build-system"]["requires"]]))
    session.run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHONS[0], "--fork-strategy=fewest"),
        *("--upgrade", "--no-annotate", "--custom-compile-command", "python -m nox -s pin"),
        *("--output-file", str(CONSTRAINTS), str(wanted)),
    )
