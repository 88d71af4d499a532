"""The option --submission DIR: only the grading tests are run, and they grade the submission in DIR.

And how commands are run: in this process, or ahead of the tests in the background.
"""

import importlib
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by numpy when it starts:
    os.environ.setdefault(name, "1")  # the other cores are for what is run in the background


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
        return collection_path != HERE / "test_submission.py" or None
    return None


def pytest_terminal_summary(terminalreporter, config):
    """The points by part, of the checks that were run."""
    if config.getoption("--submission") and (graded := getattr(config, "graded", None)):
        from grader.report import summary

        terminalreporter.section("points")
        for line in summary(graded):
            terminalreporter.line(line)


class Ahead:
    """Commands that are run in the background from the start, because the tests themselves use one core.

    A module's AHEAD maps the name of a test, or of a fixture, to a function that takes a new folder and
    returns the commands to be run there, one after the other. Only those of selected tests are run.
    """

    def __init__(self, wanted):
        self.folder = tempfile.TemporaryDirectory(prefix="ahead-")
        self.make, self.environment = wanted, dict(os.environ)  # as it is before any test changes it
        self.running, self.closed = [], False
        self.threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1))
        self.waiting = {name: self.threads.submit(self.run, make) for name, make in wanted.items()}

    def run(self, make):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name)).resolve()
        return folder, [self.finish(command, folder) for command in make(folder)]

    def finish(self, command, folder):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        command = [sys.executable, *map(str, command)]
        with subprocess.Popen(command, cwd=folder, env=self.environment, **options) as process:
            self.running.append(process)
            if self.closed:
                process.kill()
            out, err = process.communicate()
        self.running.remove(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def __call__(self, name):
        """The folder, and a CompletedProcess for each command; what has not begun yet is run here and now."""
        if self.waiting[name].cancel():
            return self.run(self.make[name])
        return self.waiting[name].result()

    def close(self):
        self.closed = True
        self.threads.shutdown(wait=False, cancel_futures=True)
        for process in list(self.running):
            process.kill()
        self.threads.shutdown()
        self.folder.cleanup()


def pytest_collection_finish(session):
    wanted = {}
    for item in [] if session.config.option.collectonly else session.items:
        for name, make in getattr(getattr(item, "module", None), "AHEAD", {}).items():
            if name == item.name or name in item.fixturenames:
                wanted[name] = make
    session.config.ahead = Ahead(wanted) if wanted else None


def pytest_sessionfinish(session):
    if getattr(session.config, "ahead", None):
        session.config.ahead.close()


@pytest.fixture(scope="session")
def ahead(request):
    """ahead(name) -> what was run ahead under this name in the module's AHEAD."""
    return request.config.ahead


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


@pytest.fixture
def undrawn(monkeypatch):
    """Painting takes most of the time of a command: here each figure is made, but its file is empty."""
    for script in ("backprop", "kmeans", "em_binary"):
        monkeypatch.setattr(importlib.import_module(script), "png", lambda figure: b"")
