"""Everything that is checked before a change lands: `python -m nox`.

What follows `--` goes to pytest, and coverage is then not judged:
`python -m nox -s tests-3.12 -- -x -k update`.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.16"

ROOT = Path(__file__).parent
PYPROJECT = ROOT / "pyproject.toml"
CONTRACT = ROOT / "tests" / "contract"
PROJECT = nox.project.load_toml(PYPROJECT)
PYTHONS = nox.project.python_versions(PROJECT)  # those of the classifiers

# A convenience: pyenv keeps interpreters that are not on the path.
pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, sorted(pyenv.glob("versions/3.*/bin")))])

nox.options.sessions = ["tests", "contract", "lint", "types", "docs"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
# Supported Pythons that are not here are skipped; where there is none at all, that is an error.
running = f"{sys.version_info.major}.{sys.version_info.minor}"
nox.options.error_on_missing_interpreters = not any(
    python == running or shutil.which(f"python{python}") for python in PYTHONS
)


def group(*names: str) -> list[str]:
    """Return the requirements of dependency groups."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def wheel(session: nox.Session) -> str:
    """Return the wheel that the session `build` has made, with its extras."""
    (path,) = dist(session).glob("*.whl")
    return f"{path}[cli,testing]"


def dist(session: nox.Session) -> Path:
    return session.cache_dir / "dist"


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist, and from it the wheel that the other sessions install."""
    session.install("build")
    shutil.rmtree(dist(session), ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist(session)), str(ROOT), silent=True)


@nox.session(python=PYTHONS, requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; every branch has to be covered."""
    session.install(wheel(session), *group("test"))
    run_tests(session)


@nox.session(python=PYTHONS[0], requires=["build"])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that the package claims to work with."""
    declared = PROJECT["project"]
    floors = [*declared["dependencies"], *itertools.chain(*declared["optional-dependencies"].values())]
    pins = [floor.replace(">=", "==") for floor in floors]
    session.install(wheel(session), *pins, *group("test"))
    run_tests(session)


def run_tests(session: nox.Session) -> None:
    """Run all tests but those of the contract, and judge the coverage."""
    session.env["COVERAGE_RCFILE"] = str(PYPROJECT)
    # Half of the time they wait for processes and connections: two at a time, whatever the machine has.
    run_pytest(session, ROOT / "tests", f"--ignore={CONTRACT}", "--numprocesses=2", under=("coverage", "run", "-m"))
    if not session.posargs:
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report")


def run_pytest(session: nox.Session, *arguments: str | Path, under: Sequence[str] = ("python", "-m")) -> None:
    # From elsewhere: in the checkout, `-m` would import the checkout's package instead of the wheel's.
    session.chdir(session.create_tmp())
    pytest = ["pytest", f"--config-file={PYPROJECT}", f"--rootdir={ROOT}", *map(str, arguments)]
    # After Ctrl-C, tests have all the time that they need to tidy up; after another one, none.
    session.run(*under, *pytest, *session.posargs, interrupt_timeout=None)


@nox.session(requires=["build"])
def contract(session: nox.Session) -> None:
    """Hold what is sent against the validators that the vendor publishes."""
    missing = [program for program in ("node", "npm") if not shutil.which(program)]
    if missing:
        # Where all checks run, nothing may be left out unnoticed.
        give_up = session.error if os.environ.get("CI") else session.skip
        give_up(f"no published validators: they need Node.js 20 or newer, and there is no {' and no '.join(missing)}")
    session.install(wheel(session), *group("test"))
    with session.chdir(CONTRACT):
        # Whatever npm is set to here: all that is locked, and no judgement of Node.js but that of the tests.
        everything = ("--include=dev", "--include=optional", "--engine-strict=false")
        quietly = ("--no-audit", "--no-fund", "--loglevel=error")
        session.run("npm", "ci", "--ignore-scripts", *everything, *quietly, external=True)
        session.run("npm", "run", "--silent", "build", external=True)
    run_pytest(session, CONTRACT)


@nox.session
def live(session: nox.Session) -> None:
    """Run the live suite against the workspace that the environment names: see CONTRIBUTING.md."""
    wanted = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_ROOM")
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        session.error(f"the environment lacks {', '.join(missing)}: see CONTRIBUTING.md")
    build(session)  # here, and not required: that would come before the question
    session.install(wheel(session), *group("test"))
    # The client logs when it waits for rate limits.
    run_pytest(session, ROOT / "tests" / "live" / "test_live.py", "--live", "--log-cli-level=INFO")


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """Measure what the package costs, side by side with what one would use instead: some three minutes.

    What follows `--` goes to the benchmarks: `python -m nox -s bench -- --rounds 20 import help`.
    """
    session.install(wheel(session), *group("bench"))
    folder = Path(session.create_tmp())
    link = folder / "benchmarks"
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "benchmarks")
    session.chdir(folder)  # in the checkout, `-m` would import the checkout's package instead of the wheel's
    session.run("python", "-m", "benchmarks", "--json", str(ROOT / "benchmarks.json"), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and spelling."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """Check the types with two checkers, and that everything public has one."""
    session.install(wheel(session), *group("types"))
    session.env["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"  # it would tell of newer releases
    session.run("mypy")
    session.run("pyright")
    session.chdir(session.create_tmp())  # what users get: the wheel
    session.run("pyright", "--verifytypes", "rocketchat_integrations", "--ignoreexternal")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors, and run its examples."""
    session.install(wheel(session), *group("docs"))
    for builder in ("html", "doctest"):
        session.run("sphinx-build", "-nWq", "--keep-going", "-b", builder, "docs", f"docs/_build/{builder}")
