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
MODES = ("user", "fork", "spawn")  # a user for each run, or only a fork of its own, or a new Python
MEMORY = 400_000_000  # bytes above what the packages take
LONGEST = 20_000_000  # bytes of results that are read
WORLD = ("/tmp", "/var/tmp", "/dev/shm")  # where anybody may write


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

    isolation: "user" forks each run and gives it a user of its own, "fork" only forks, "spawn" starts a new
    Python for each. What is not possible here falls back to the next, and `note` says so.
    """

    def __init__(self, isolation="user", hidden=(), patience=1, stopping=None):
        self.hidden = [str(path) for path in (*project_files(), *hidden) if not needed(path)]
        self.isolation = isolation if sys.platform == "linux" else "spawn"
        self.stopping = stopping or threading.Event()
        self.patience, self.user, self.note, self.server = patience, None, "", None
        self.fence = self.hidden
        if self.isolation != "spawn":
            self.start()
        else:
            self.note = "student code ran as the user who grades: no forking server on this system"

    def start(self):
        """Start the server that forks the runs."""
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        hidden = json.dumps(self.hidden if self.isolation == "user" else [])
        command = [sys.executable, "-B", str(HERE / "child.py"), "serve", str(theirs.fileno()), hidden]
        with tempfile.TemporaryFile() as errors, theirs:
            options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": errors}
            options |= {"env": environment(), "pass_fds": [theirs.fileno()], "start_new_session": True}
            self.server = subprocess.Popen(command, **options)
            theirs.close()
            try:
                self.settle(self.answer(60))
            except (OSError, EOFError):
                errors.seek(0)
                text = errors.read().decode("utf-8", "replace").strip()
                raise RuntimeError(f"Python for student code does not start: {text[-2000:]}") from None

    def settle(self, place):
        """Note what could be had: a user for the runs, and whether the project is hidden from them."""
        self.user = place["user"] if self.isolation == "user" else None
        open_to_all = not place["hidden"] and readable(self.hidden)
        self.fence = self.hidden if not self.user or open_to_all else None
        if not self.user:
            why = place["why"] if self.isolation == "user" else "it was asked for"
            self.note = f"student code ran as the user who grades, behind a fence only: {why}"
        elif open_to_all:
            self.note = (
                "a fence only keeps student code from reading the grader: close its folder to other users"
            )

    def close(self):
        if self.server:
            self.channel.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(5)
            self.server.kill()
            self.server.wait()
            self.server = None

    def run(self, script, files, steps, seconds):
        """Do the steps with the script; files maps the names in its folder to their bytes.

        A run that brings down the server gets another chance with a new one: it may have been an accident.
        """
        for _ in range(2):
            try:
                return self.try_run(script, files, steps, seconds * self.patience)
            except ServerDied:
                self.close()
                self.start()
        return Run([], "it brought down the process that started it")

    def try_run(self, script, files, steps, seconds):
        scratch = tempfile.mkdtemp(prefix="run-")
        request = {"scratch": scratch, "user": self.user, "seconds": seconds, "memory": MEMORY}
        request["fence"] = self.fence
        try:
            fill(scratch, files, self.user)
            with tempfile.TemporaryFile() as task, tempfile.TemporaryFile() as results:
                task.write(json.dumps({"script": script, "steps": steps}).encode())
                task.seek(0)
                end = (self.spawned if self.isolation == "spawn" else self.forked)(request, task, results)
                results.seek(0)
                return Run(*read(results.read(LONGEST), scratch, end))
        finally:
            remove(scratch, self.user)

    def forked(self, request, task, results):
        """A run in a fork of the server."""
        try:
            files = [task.fileno(), results.fileno()]
            socket.send_fds(self.channel, [json.dumps(request).encode()], files)
            return self.ended(request["seconds"])
        except (OSError, EOFError):
            raise ServerDied from None

    def ended(self, seconds):
        """Wait for a run, or kill it when its time is over. Returns how it ended."""
        try:
            return ending(self.answer(seconds))
        except TimeoutError:
            self.channel.send(b"kill")
            self.answer(60)
            return out_of_time(seconds)

    def answer(self, seconds):
        end = time.monotonic() + seconds
        while not select.select([self.channel], [], [], 0.1)[0]:
            if self.stopping.is_set():
                self.close()
                raise Stopped
            if time.monotonic() > end:
                raise TimeoutError
        data = self.channel.recv(65536)
        if not data:
            raise EOFError
        return json.loads(data)

    def spawned(self, request, task, results):
        """A run in a Python of its own."""
        command = [sys.executable, "-B", str(HERE / "child.py"), "once", json.dumps(request)]
        options = {"stdin": task, "stdout": results, "stderr": subprocess.DEVNULL, "env": environment()}
        process = subprocess.Popen(command, **options)
        try:
            return ending(
                process.wait(request["seconds"] + 10 * self.patience)
            )  # it imports the packages first
        except subprocess.TimeoutExpired:
            return out_of_time(request["seconds"])
        finally:
            kill(process)


def kill(process):
    """Kill a process and its group; what has left the group, on a system without a forking server, stays."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def out_of_time(seconds):
    return f"it was still running after {seconds:g} seconds"


def ending(status):
    """The exit status in words; nothing for an end as planned."""
    if status == 70:  # of child.py
        return "it broke what hands back the results"
    if status >= 0:
        return f"it ended Python itself, with exit status {status}" if status else ""
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
        known = {"SIGSEGV": "it crashed Python (segmentation fault)", "SIGXCPU": "it took too long"}
        return known.get(name, f"it was ended by {name}")
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
    return given | {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}


def project_files():
    """What a submission must not read: all of this project, but for a Python that lives in it."""
    return [path for path in ROOT.iterdir() if not needed(path)]


def needed(path):
    """Whether a run needs something in the folder: Python, or its own scratch folder."""
    within = [Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir()).resolve()]
    return any(Path(path) in (other, *other.parents) for other in within)


def readable(paths):
    return any(
        os.stat(path).st_mode & 0o004 and all(p.stat().st_mode & 0o001 for p in Path(path).parents)
        for path in paths
    )


def fill(scratch, files, user):
    """Write the files into the scratch folder, which belongs to the user."""
    for name, data in files.items():
        Path(scratch, name).write_bytes(data)
    if user:
        for path in (scratch, *(os.path.join(scratch, name) for name in files)):
            os.chown(path, user, user)


def remove(scratch, user):
    """Remove the scratch folder, and what the user has left elsewhere."""
    left = [scratch]
    for folder in WORLD if user else ():
        with contextlib.suppress(OSError):
            left += [entry.path for entry in os.scandir(folder) if owner(entry.path) == user]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.remove(path)


def owner(path):
    with contextlib.suppress(OSError):  # it is gone, others work there too
        return os.lstat(path).st_uid


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
