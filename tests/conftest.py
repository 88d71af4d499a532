"""The option --submission DIR: only the grading tests are run, and they grade the submission in DIR."""

import os
from pathlib import Path

import pytest


def pytest_addoption(parser, pluginmanager):
    parser.addoption(
        "--submission", metavar="DIR", help="grade the submission in DIR instead of the reference"
    )
    pluginmanager._noconftest = True  # a conftest.py in DIR is never imported; this project has no other


def pytest_configure(config):
    folder = config.getoption("--submission")
    if folder and not os.path.isdir(folder):
        raise pytest.UsageError(f"--submission {folder}: no such folder")


def pytest_ignore_collect(collection_path, config):
    """With a submission, only the grading tests are collected."""
    if config.getoption("--submission") and collection_path.is_file():
        return collection_path != Path(__file__).with_name("test_grading.py") or None
    return None


def pytest_terminal_summary(terminalreporter, config):
    """The points by part, of the checks that were run."""
    if config.getoption("--submission") and (graded := getattr(config, "graded", None)):
        from grader.report import summary

        terminalreporter.section("points")
        for line in summary(graded):
            terminalreporter.line(line)
