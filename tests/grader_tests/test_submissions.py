"""Every described submission gets exactly the stated points by part, and the reasons say what they should.

The gradings run in the background, two at a time, from the first test on; each test waits for its own.
"""

import importlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import pytest
from case import SCRIPTS, make, reference
from grader.grading import Grading
from grader.limits import Sandbox
from grader.points import FILES, MAXIMUM, PARTS

HERE = Path(__file__).resolve().parent

MODULES = ("nodes", "gradient_checks", "models", "clusters", "unusual", "hostile")
CASES = [
    case
    for name in MODULES
    if (HERE / "submissions" / f"{name}_cases.py").exists()
    for case in importlib.import_module(f"{name}_cases").CASES
]
PATIENCE = float(os.environ.get("GRADER_PATIENCE", 0.25))  # of the limits: what never ends, ends sooner
AT_A_TIME = 2


@pytest.fixture(scope="module")
def graded(tmp_path_factory, request):
    """Futures of the grades of all cases that were selected."""
    own, sandboxes = local(), []

    def grade(case):
        if not hasattr(own, "sandbox"):
            own.sandbox = Sandbox(os.environ.get("GRADER_ISOLATION", "user"), patience=PATIENCE)
            sandboxes.append(own.sandbox)
        folder = tmp_path_factory.mktemp("submission")
        for name, data in make(case).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        grading = Grading(folder, own.sandbox)
        return {part: grading.part(part) for part in touched(case)}

    selected = {
        item.callspec.params["case"].id: item.callspec.params["case"]
        for item in request.session.items
        if item.path == Path(__file__)
        and hasattr(item, "callspec")  # others may have a parameter called case
    }
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {name: pool.submit(grade, case) for name, case in selected.items()}
        pool.shutdown(cancel_futures=True)
    for sandbox in sandboxes:
        sandbox.close()


def touched(case):
    """The parts to grade: those of the scripts that differ from the reference."""
    files = make(case)
    changed = [script for script in SCRIPTS if files.get(script) != reference(script).encode()]
    return case.only or [part for part in PARTS if not changed or FILES[part] in changed]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(graded, case):
    grades = graded[case.id].result()
    said = dict(reasons(grades))
    got = {part: grade.fault or grade.score for part, grade in grades.items()}
    want = {part: case.points.get(part, MAXIMUM[part]) for part in grades}
    wrong = {part: f"expected {want[part]}, got {got[part]}" for part in got if got[part] != want[part]}
    silent = [text for text in case.says if text not in "\n".join(said.values())]
    if wrong or silent:
        told = "\n".join(f"{check}: {text}" for check, text in said.items())
        pytest.fail(
            f"{case.id} ({case.why}): {wrong or 'points as expected'}, not said: {silent}\n{told}",
            pytrace=False,
        )


def reasons(grades):
    for part, grade in grades.items():
        for name, outcome in grade.outcomes.items():
            if outcome.reason or outcome.remark:
                yield f"{part} {name}", outcome.reason or outcome.remark


def test_the_ids_are_unique_and_the_cases_enough():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)
    assert all(case.why for case in CASES)
