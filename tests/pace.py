"""What keeps the tests quick: of many cases alike a sample, and other processes that work ahead.

`sample` marks what is left out without --all. A module's AHEAD maps the name of a test, or of a fixture, to a
function of a new folder, which says what is to be done: commands of Python, one after the other, in that
folder, or a partial function that another process can import. Only what the selected tests need is done, and
they come last. `ahead(name)` gives the folder and the outcome.
"""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

MOST = 8  # processes: each takes the memory of numpy and matplotlib


def sample(cases, every):
    """The parameters of a test, of which only the first of every so many are run without --all."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=pytest.mark.all if i % every else []) for i, case in enumerate(cases)]


class Ahead:
    """The pool, and the outcomes by name."""

    def __init__(self, wanted):
        count = min(MOST, os.cpu_count() or 1, len(wanted))
        context = multiprocessing.get_context("spawn")  # the same on every system
        self.place = tempfile.TemporaryDirectory(prefix="ahead-", ignore_cleanup_errors=True)
        self.pool = ProcessPoolExecutor(count, context, give_way)
        self.outcomes = {name: self.start(make) for name, make in wanted.items()}

    def start(self, make):
        folder = Path(tempfile.mkdtemp(dir=self.place.name)).resolve()
        job = make(folder)
        if not callable(job):
            job = functools.partial(finish, job, folder)
        return folder, self.pool.submit(job)

    def __call__(self, name):
        """The folder, and what came of it: of commands, a CompletedProcess for each."""
        folder, outcome = self.outcomes[name]
        return folder, outcome.result()

    def close(self):
        self.pool.shutdown(cancel_futures=True)
        self.place.cleanup()


def give_way():
    """The tests' own process comes first: it has the most to do. What ends it ends the pool, by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)


def finish(commands, folder):
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "cwd": folder}
    return [subprocess.run([sys.executable, *map(str, command)], **options) for command in commands]


def ahead_of(item):
    """What is to be done for a test: name -> function."""
    names = {item.name, *getattr(item, "fixturenames", ())}
    return {name: make for name, make in getattr(item.module, "AHEAD", {}).items() if name in names}
