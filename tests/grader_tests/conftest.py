"""One process for student code, for all the tests of the grader: to start it takes a second."""

import os

import pytest
from grader import limits


@pytest.fixture(scope="session")
def sandbox():
    sandbox = limits.Sandbox(os.environ.get("GRADER_ISOLATION", "user"))
    yield sandbox
    sandbox.close()
