"""What a real server answered, given to the tests that ask for it by the name of a parameter."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORDINGS = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))


def conversations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each request with its answer, and a name for it."""
    for scenario in RECORDINGS["scenarios"]:
        for number, step in enumerate(scenario["steps"], start=1):
            answer = step["expect"]
            endpoint = step["path"].removeprefix("/api/v1/")
            yield (
                f"{scenario['name']} / {number}",
                {
                    "scenario": scenario["name"],
                    "endpoint": "hooks" if endpoint.startswith("/hooks/") else endpoint,
                    "sent": step.get("json") or step.get("query") or {},
                    "status": answer["status"],
                    "answer": answer["json"],
                },
            )


def integrations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each integration in an answer, with a date where the recording has a placeholder."""
    for name, talk in conversations():
        if talk["status"] == 200:
            answer = json.loads(json.dumps(talk["answer"]).replace('"<date>"', '"2024-01-10T14:12:07.739Z"'))
            for number, integration in enumerate([answer.get("integration"), *answer.get("integrations", [])]):
                if integration is not None:
                    yield f"{name} / {number}", integration


def refusals() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each request that was refused."""
    return ((name, talk) for name, talk in conversations() if talk["status"] != 200)


SAMPLES = {
    "recorded_integration": list(integrations()),
    "recorded_refusal": list(refusals()),
    "recorded_violation": [(n, t) for n, t in refusals() if "invalid-params" in str(t["answer"])],
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for parameter, samples in SAMPLES.items():
        if parameter in metafunc.fixturenames:
            metafunc.parametrize(parameter, [value for _, value in samples], ids=[name for name, _ in samples])
