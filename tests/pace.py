"""What keeps the tests quick: of many cases alike a sample, and a process for each processor.

Each process takes from a queue the tests of a module, or one test where the module is marked `apart`, and
hands back the reports. Where it is not safe to fork, and for a debugger, pytest's own loop does all.
"""

import itertools
import multiprocessing
import os
import subprocess
import sys
from multiprocessing import connection

import pytest

MOST = 8  # processes: each takes the memory of numpy and matplotlib, and a server for student code


def sample(cases, every):
    """The parameters of a test, of which only the first of every so many are run without --all."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=pytest.mark.all if i % every else []) for i, case in enumerate(cases)]


def finish(commands, folder):
    """Run commands of Python, one after the other, in the folder: a CompletedProcess for each."""
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "cwd": folder}
    return [subprocess.run([sys.executable, *map(str, command)], **options) for command in commands]


def shares(items):
    """What one process does at a time: the tests of a module; after these, the single ones."""
    modules = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.path)]
    single = [group for group in modules if group[0].get_closest_marker("apart")]
    return [group for group in modules if group not in single] + [
        [item] for group in single for item in group
    ]


def run_in_parallel(session):
    """pytest's loop over the tests, by several processes; None if pytest is to do it."""
    options, todo = session.config.option, shares(session.items)
    count = min(os.cpu_count() or 1, len(todo), MOST)
    alone = options.collectonly or options.usepdb or hasattr(session.config, "workerinput")  # of pytest-xdist
    if sys.platform != "linux" or count < 2 or session.testsfailed or alone:
        return None
    queue, numbers = os.pipe()
    os.write(numbers, b"".join(i.to_bytes(4, "big") for i in range(len(todo))))
    os.close(numbers)
    fork, running = multiprocessing.get_context("fork"), {}
    for _ in range(count):
        ours, theirs = fork.Pipe()
        fork.Process(target=work, args=(session, todo, queue, theirs), daemon=True).start()
        theirs.close()
        running[ours] = ""
    while running:
        for end in connection.wait(running):
            try:
                read(session, end, running)
            except EOFError:
                session.shouldfail = f"the process of {running[end]} has ended"
        if session.shouldfail:  # also by -x
            raise session.Failed(session.shouldfail)
    return True


def read(session, end, running):
    """One message of a process: the name of the test that begins, a report of it, or None at the end."""
    message, hook = end.recv(), session.config.hook
    if message is None:
        del running[end]
    elif isinstance(message, str):
        running[end] = message
    else:
        report = hook.pytest_report_from_serializable(config=session.config, data=message)
        if session.config.option.verbose > 0 and (report.when == "call" or not report.passed):
            hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
        hook.pytest_runtest_logreport(report=report)


def work(session, todo, queue, end):
    """The life of a process. A test is told the next one, so that fixtures which both use are kept."""
    plugins = session.config.pluginmanager
    capture = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()  # its file is shared with the others
    capture.start_global_capturing()
    capture.suspend_global_capture()
    plugins.unregister(name="terminalreporter")
    plugins.register(Sender(session.config, end))
    taken = itertools.chain.from_iterable(
        todo[int.from_bytes(number, "big")] for number in iter(lambda: os.read(queue, 4), b"")
    )
    item = next(taken, None)
    while item:
        following = next(taken, None)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
    end.send(None)


class Sender:
    def __init__(self, config, end):
        self.config, self.end = config, end

    def pytest_runtest_logstart(self, nodeid, location):
        self.end.send(nodeid)

    def pytest_runtest_logreport(self, report):
        self.end.send(self.config.hook.pytest_report_to_serializable(config=self.config, report=report))
