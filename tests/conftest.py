"""The option --submission DIR: only the grading tests are run, and they grade the submission in DIR.

And how the tests are run: by several processes, and commands under test in the same one.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

import pytest
from pace import run_in_parallel

HERE = Path(__file__).resolve().parent
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by numpy when it starts:
    os.environ.setdefault(name, "1")  # the other processors have tests of their own
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background: commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser, pluginmanager):
    parser.addoption(
        "--submission", metavar="DIR", help="grade the submission in DIR instead of the reference"
    )
    parser.addoption(
        "--all", action="store_true", help="all submissions and mutants, not a sample of each kind"
    )
    # until the option is known, DIR looks like a folder of tests: its conftest.py must not be imported
    pluginmanager._is_in_confcutdir = lambda folder: HERE in (folder, *folder.parents)


def pytest_configure(config):
    config.addinivalue_line("markers", "all: left out without --all, because others of its kind are run")
    config.addinivalue_line("markers", "apart: the tests of the module are long, and share nothing")
    folder = config.getoption("--submission")
    if folder and not os.path.isdir(folder):
        raise pytest.UsageError(f"--submission {folder}: no such folder")


def pytest_ignore_collect(collection_path, config):
    """With a submission, only the grading tests are collected."""
    if config.getoption("--submission") and collection_path.is_file():
        return collection_path != HERE / "test_submission.py" or None
    return None


def pytest_terminal_summary(terminalreporter, config):
    """The points by part, of the checks that were run."""
    if config.getoption("--submission") and (graded := getattr(config, "graded", None)):
        from grader.report import summary

        terminalreporter.section("points")
        for line in summary(graded):
            terminalreporter.line(line)


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if item.get_closest_marker("all") and not config.option.all]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    return None if session.config.option.submission else run_in_parallel(session)


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
        status = 0
        try:
            module.run(module.main)
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Painting takes most of the time of a command: here the file of a figure is a single pixel."""
    pixel = importlib.import_module("PIL.Image").new("1", (1, 1))
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, file, **_: pixel.save(file, "png"))
