"""Grades a submission, a test for each check: pytest tests --submission DIR. Else it grades the reference."""

import os
from pathlib import Path

import pytest
from grader.grading import Grading
from grader.limits import ROOT, Sandbox
from grader.parts import CHECKS


@pytest.fixture(scope="module")
def grading(request):
    """The grading of the submission; each part is run when its first check is asked for."""
    folder = Path(request.config.getoption("--submission") or ROOT).resolve()
    sandbox = Sandbox(os.environ.get("GRADER_ISOLATION", "user"), [folder])
    yield Grading(folder, sandbox)
    sandbox.close()


@pytest.mark.parametrize(("part", "check"), CHECKS, ids=[f"{p}-{c}".replace(" ", "-") for p, c in CHECKS])
def test_points(grading, request, part, check):
    grade = grading.part(part)
    if grade.fault:
        raise RuntimeError(f"the grader failed, this says nothing about the submission:\n{grade.fault}")
    outcome = grade.outcomes[check]
    graded = request.config.__dict__.setdefault("graded", {})
    graded.setdefault(part, {})[check] = outcome.passed
    if not outcome.passed:
        pytest.fail(f"{part} {check}: {outcome.reason}", pytrace=False)
