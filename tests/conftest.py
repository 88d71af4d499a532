"""The option --submission DIR: only the grading tests are run, and they grade the submission in DIR."""

import importlib
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def pytest_addoption(parser, pluginmanager):
    parser.addoption(
        "--submission", metavar="DIR", help="grade the submission in DIR instead of the reference"
    )
    # until the option is known, DIR looks like a folder of tests: its conftest.py must not be imported
    pluginmanager._is_in_confcutdir = lambda folder: HERE in (folder, *folder.parents)


def pytest_configure(config):
    folder = config.getoption("--submission")
    if folder and not os.path.isdir(folder):
        raise pytest.UsageError(f"--submission {folder}: no such folder")


def pytest_ignore_collect(collection_path, config):
    """With a submission, only the grading tests are collected."""
    if config.getoption("--submission") and collection_path.is_file():
        return collection_path != HERE / "test_grading.py" or None
    return None


def pytest_terminal_summary(terminalreporter, config):
    """The points by part, of the checks that were run."""
    if config.getoption("--submission") and (graded := getattr(config, "graded", None)):
        from grader.report import summary

        terminalreporter.section("points")
        for line in summary(graded):
            terminalreporter.line(line)


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run a command line of a script in this process, which is much quicker than in one of its own.

    command("kmeans.py basic -k 2") -> exit status, stdout, stderr; the current directory is tmp_path, or cwd.
    """

    def run(line, cwd=tmp_path):
        script, *args = line.split() if isinstance(line, str) else line
        module = importlib.import_module(script.removesuffix(".py"))
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", [script, *args])
        with pytest.raises(SystemExit) as end:
            module.run(module.main)
        return end.value.code or 0, *capsys.readouterr()

    return run
