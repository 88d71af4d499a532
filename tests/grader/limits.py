"""Runs student code in a child process, under limits, and collects the plain data that it hands back."""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODES = (
    "user",
    "fork",
    "spawn",
)  # a world, or only a user, for each run; only a fork of its own; a new Python
MEMORY = 400_000_000  # bytes of a run, above what the packages take
LONGEST, LONGEST_QUESTION = 20_000_000, 1_000_000  # bytes of results, and of a question, that are read
WAIT = 20  # times the processor time that a run may take, it may last
PROGRAM = ("actions", "walls", "child")  # modules of the process for student code, in the order of imports
START = """
import json, sys, types
given = json.loads(sys.stdin.buffer.read())
for name, source in given.pop("program").items():
    sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name + ".py", "exec"), vars(sys.modules[name]))
sys.modules["child"].main(given)
"""


@dataclass
class Run:
    """What came back: one result for each step that was finished, and how the run ended."""

    results: list
    end: str  # "" if it ended by itself
    odd: bool = False  # something came back that is no result


class Stopped(BaseException):
    """Grading is to end at once: no exception of a part that was graded."""


class ServerDied(Exception):
    """The process that forks the runs is gone."""


class Sandbox:
    """Starts runs, one at a time. Parallel grading takes a sandbox for each worker.

    isolation: "user" gives each run a user, and where it can a world of its own (walls.py says what that is),
    "fork" only forks, "spawn" starts a new Python for each. What is not possible here falls back to the next,
    and `note` says so.
    """

    def __init__(self, isolation="user", hidden=(), patience=1, stopping=None):
        self.hidden = [str(path) for path in (*project_files(), *hidden)]
        self.isolation = isolation if sys.platform == "linux" else "spawn"
        self.stopping, self.lends = stopping or threading.Event(), self.isolation != "spawn"
        self.patience, self.user, self.alone, self.note, self.server = patience, None, False, "", None
        self.fence = [path for path in self.hidden if not needed(path)]
        if self.isolation != "spawn":
            self.start()
        else:
            self.note = (
                READS + "no forking server on this system; so nothing was lent to it, and a part that is "
            )
            self.note += "built on a wrong one may have lost points with it"

    def start(self):
        """Start the server that forks the runs."""
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = {"channel": theirs.fileno(), "hidden": self.hidden, "isolation": self.isolation}
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as program, theirs:
            program.write(started_with(given))
            program.seek(0)
            options = {"stdin": program, "stdout": subprocess.DEVNULL, "stderr": errors, "cwd": "/"}
            options |= {"env": environment(), "pass_fds": [theirs.fileno()], "start_new_session": True}
            self.server = subprocess.Popen(PYTHON, **options)
            theirs.close()
            try:
                self.settle(self.answer(60))
            except (OSError, EOFError):
                errors.seek(0)
                text = errors.read().decode("utf-8", "replace").strip()
                raise RuntimeError(f"Python for student code does not start: {text[-2000:]}") from None

    def settle(self, place):
        """Note what could be had: a world or a user for the runs, and what they can read."""
        self.user, self.alone = place["user"], place["alone"]
        open_to_all = not self.alone and readable(self.hidden)
        if self.alone or self.user and not open_to_all:
            self.fence = None
        if not self.user:
            self.note = READS + place["why"]
        elif not self.alone:
            self.note = OPEN_TO_ALL if open_to_all else NO_WORLD

    def close(self):
        if self.server:
            self.channel.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(5)
            self.server.kill()
            self.server.wait()
            self.server = None

    def run(self, script, files, steps, seconds, lender=None):
        """Do the steps with the script; files maps the names in its folder to their bytes.

        A lender answers what the run asks, line by line; without one it cannot ask.

        A run that brings down the server gets another chance with a new one: it may have been an accident.
        """
        for _ in range(2):
            try:
                return self.try_run(script, files, steps, seconds * self.patience, lender)
            except ServerDied:
                self.close()
                self.start()
        return Run([], "it brought down the process that started it")

    def try_run(self, script, files, steps, seconds, lender):
        scratch = os.path.realpath(tempfile.mkdtemp(prefix="run-"))
        request = {"scratch": scratch, "user": None, "seconds": seconds, "wait": WAIT * seconds}
        request |= {"memory": MEMORY, "fence": self.fence, "idle": seconds * (WAIT if lender else 1)}
        files = {name: base64.b64encode(data).decode() for name, data in files.items()}
        task = {"script": script, "steps": steps, "files": files}
        try:
            with tempfile.TemporaryFile() as results:
                if self.isolation == "spawn":
                    end = self.spawned(request, task, results)
                else:
                    end = self.forked(request, task, results, lender)
                results.seek(0)
                home = HOME if self.alone else scratch
                return Run(*read(results.read(LONGEST), home, end))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def forked(self, request, task, results, lender):
        """A run in a fork of the server."""
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as file, ours, theirs:
            file.write(json.dumps(task).encode())
            file.seek(0)
            files = [file.fileno(), results.fileno(), *([theirs.fileno()] if lender else [])]
            try:
                socket.send_fds(self.channel, [json.dumps(request).encode()], files)
                ended = self.answer(request["wait"] + 60, lender and Asked(ours, lender))
            except (OSError, EOFError):
                raise ServerDied from None
        return in_words(ended["status"], ended["why"], request)

    def answer(self, seconds, asked=None):
        """What the server says; till then, the answers to what the run asks."""
        end = time.monotonic() + seconds
        while True:
            questions = [asked.socket] if asked and asked.open else []
            ready = select.select([self.channel, *questions], [], [], 0.1)[0]
            if self.stopping.is_set():
                self.close()
                raise Stopped
            if self.channel in ready:
                break
            if ready:
                asked.answer()
            elif time.monotonic() > end:
                raise TimeoutError
        data = self.channel.recv(65536)
        if not data:
            raise EOFError
        return json.loads(data)

    def spawned(self, request, task, results):
        """A run in a Python of its own."""
        with tempfile.TemporaryFile() as program:
            program.write(started_with({"request": request, "task": task}))
            program.seek(0)
            options = {
                "stdin": program,
                "stdout": results,
                "stderr": subprocess.DEVNULL,
                "env": environment(),
            }
            process = subprocess.Popen(PYTHON, cwd=request["scratch"], **options)
        end = time.monotonic() + request["wait"] + 10 * self.patience  # it imports the packages first
        try:
            while process.poll() is None:
                if self.stopping.is_set():
                    raise Stopped
                if time.monotonic() > end:
                    return in_words(-9, "wait", request)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
            return in_words(process.returncode, "", request)
        finally:
            kill(process)


class Asked:
    """The socket on which a run asks; it is closed to a run that does not keep to lines."""

    def __init__(self, socket, lender):
        self.socket, self.lender, self.open, self.rest = socket, lender, True, b""
        socket.settimeout(1)

    def answer(self):
        try:
            data = self.socket.recv(65536)
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.open = bool(data) and len(self.rest) < LONGEST_QUESTION
            for line in lines:
                self.socket.sendall(self.lender(line))
        except OSError:
            self.open = False


PYTHON = [sys.executable, "-B", "-c", START]
HOME = "/tmp/homework"  # as in walls.py
READS = (
    "student code ran as the user who grades, behind a fence only, and could read what that user can, the "
    "reference and other submissions among it: "
)
NO_WORLD = (
    "each run had a user of its own, but no world of its own, as namespaces are refused here: student code "
    "could use the network, and read what every user of this machine can"
)
OPEN_TO_ALL = (
    "student code could read the grader and other submissions, but for a fence in Python, as every user can: "
    "close their folders (chmod 700)"
)


def started_with(given):
    program = {name: (HERE / f"{name}.py").read_text(encoding="utf-8") for name in PROGRAM}
    return json.dumps({"program": program} | given).encode()


def kill(process):
    """Kill a process and its group; what has left the group, on a system without a forking server, stays."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def in_words(status, why, request):
    """How a run ended; nothing for an end as planned."""
    if why == "time" or not why and status == -getattr(signal, "SIGXCPU", 0):
        return f"it was still running after {request['seconds']:g} seconds of processor time"
    if why == "wait":
        return f"it was still running after {request['seconds']:g} seconds of waiting"
    if why == "memory":
        return f"it took more than {request['memory'] // 10**6} MB, with all that it started"
    if status == 70:  # of child.py
        return "it broke what hands back the results"
    if status >= 0:
        return f"it ended Python itself, with exit status {status}" if status else ""
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
        return {"SIGSEGV": "it crashed Python (segmentation fault)"}.get(name, f"it was ended by {name}")
    return f"it was ended by signal {-status}"


def environment():
    """Little: what Python and its packages need to start."""
    kept = (
        "PATH",
        "PYTHONPATH",
        "HOME",
        "TMPDIR",
        "SYSTEMROOT",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "TEMP",
    )
    given = {name: os.environ[name] for name in kept if name in os.environ}
    paths = given.pop("PYTHONPATH", "").split(os.pathsep)
    outside = [path for path in paths if path and not inside(path)]
    given |= {"PYTHONPATH": os.pathsep.join(outside)} if outside else {}
    return given | {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}


def project_files():
    """What a submission must not read: all of this project, but for a Python that lives in it."""
    return [path for path in ROOT.iterdir() if not needed(path)]


def inside(path):
    """Whether a path is of this project."""
    return ROOT in (Path(path).resolve(), *Path(path).resolve().parents)


def needed(path):
    """Whether a run needs something in the folder: Python, or its own scratch folder."""
    within = [Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir()).resolve()]
    return any(Path(path) in (other, *other.parents) for other in within)


def readable(paths):
    return any(
        os.stat(path).st_mode & 0o004 and all(p.stat().st_mode & 0o001 for p in Path(path).parents)
        for path in paths
    )


def read(data, scratch, end=""):
    """The results, a line of JSON each, up to the first that is none; whether there was one."""
    results = []
    for line in data.replace(scratch.encode(), b"").splitlines():
        try:
            results.append(Result(json.loads(line)))
        except Exception:  # whatever it is, it is no result
            return results, end, not end
    return results, end, False


class Result:
    """What one step saw: arrays by name, the text that was printed, and the exception, if any."""

    def __init__(self, data):
        self.seen = {str(name): Seen(value) for name, value in data["seen"].items()}
        self.output = str(data["output"])
        self.error = data["error"] and {str(key): str(value) for key, value in data["error"].items()}


class Seen:
    """One value: its type by name, its shape, and the array if it is one of numbers."""

    def __init__(self, data):
        self.type, self.dtype = str(data["type"])[:80], str(data["dtype"])[:40]
        self.shape = tuple(int(n) for n in data["shape"])
        self.array = None
        if "data" in data:
            flat = np.frombuffer(base64.b64decode(data["data"]), np.dtype(self.dtype))
            if flat.dtype.kind not in "biuf":
                raise ValueError(self.dtype)
            self.array = flat.reshape(self.shape)
