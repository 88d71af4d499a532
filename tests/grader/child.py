"""The process in which student code runs: told what to call, it hands back plain arrays.

It is started with its source on standard input, so that no path of the grader stands in a command line or in
this memory, and in one of two ways: `serve` (Linux) imports the packages once and forks for each request that
comes from a socket; `once` does one run.

Neither the reference nor any expectation is ever in this process, or in a file that it can read.
"""

import base64
import contextlib
import json
import os
import socket
import sys
import tempfile

os.environ.update(MPLBACKEND="Agg", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
import matplotlib.pyplot  # noqa: E402, F401   imported once, here, for all the runs that are forked
import numpy as np  # noqa: E402, F401
import PIL.Image  # noqa: E402, F401
import scipy.special  # noqa: E402, F401
import walls  # noqa: E402
from actions import Names, perform  # noqa: E402


def main(given):
    sys.path[:] = filter(None, sys.path)
    if "request" in given:
        once(given["request"], given["task"])
    else:
        serve(socket.socket(fileno=given["channel"]), given["hidden"], given["isolation"])


def once(request, task):
    """One run in this process. Only its results may go to the standard output that the grader reads."""
    results = os.dup(1)
    silence()
    walls.lock_in(request)
    run(request, task, results)


def serve(channel, hidden, isolation):
    """Fork for every request until the grader hangs up."""
    walls.libc().prctl(
        walls.SUBREAPER, 1, 0, 0, 0
    )  # what a run leaves behind becomes a child of this process
    silence()
    place, places = find_place(channel, hidden, isolation), []
    if place["user"] and not place["alone"]:
        places = walls.open_places(place["user"])
    channel.send(json.dumps(place).encode())
    count = 0
    while True:
        data, files, _, _ = socket.recv_fds(channel, 65536, 3)
        if not data:
            return
        request, count = json.loads(data), count + 1
        request["user"] = place["user"] and place["user"] + count % place["span"]
        student = lambda: forked(request, *files)  # noqa: B023, E731
        if place["alone"]:
            ended = walls.alone(request, hidden, student, channel)
        else:
            ended = beside(request, student, channel)
            walls.clear(request["user"], places)
        for file in files:
            os.close(file)
        channel.send(json.dumps(ended).encode())


def beside(request, student, channel):
    """A run in a fork of this process."""
    if request["user"]:
        os.chown(request["scratch"], request["user"], request["user"])
    pid = os.fork()
    if pid == 0:
        with walls.ending():
            channel.close()
            student()
    user = request["user"]
    members = (lambda: walls.processes_of(user)) if user else (lambda: walls.descendants(os.getpid()))
    return walls.watch(pid, channel, request, members)


def find_place(channel, hidden, isolation):
    """The first user of the runs, and whether they can be alone. Says what could not be had."""
    none = {"user": None, "alone": False, "span": 1}
    if isolation != "user":
        return none | {"why": "it was asked for"}
    if os.geteuid() != 0:
        return none | {"why": "the grader does not run as root"}
    for base, span in ((1_000_000_000, 1 << 22), (20_000, 20_000)):  # the second where few users are mapped
        user = base + os.getpid() * 1009 % span
        place = {"user": user, "span": base + span - user, "why": ""}
        if not walls.in_a_fork(lambda: try_alone(user, hidden, channel)):  # noqa: B023
            return place | {"alone": True}
        why = walls.in_a_fork(lambda: try_user(user))  # noqa: B023
        if not why:
            return place | {"alone": False}
    return none | {"why": why}


def try_alone(user, hidden, channel):
    """Make a world and do nothing in it but read what a run may need."""
    scratch = tempfile.mkdtemp()
    request = {"scratch": scratch, "user": user, "seconds": 60, "idle": 60, "wait": 60, "memory": 1 << 40}
    try:
        ended = walls.alone(request, hidden, lambda: (try_user(user), os._exit(3)), channel)
    finally:
        os.rmdir(scratch)
    if ended["status"] != 3:
        raise OSError(f"a world of its own: {ended}")


def try_user(user):
    walls.become(user)
    for module in (os, np, scipy.special, matplotlib.pyplot, PIL.Image):
        with open(module.__file__, "rb"):
            pass


def forked(request, task_file, results, lender=None):
    """The life of a forked child; it never returns into serve."""
    try:
        with os.fdopen(task_file, "rb") as file:
            task = json.loads(file.read())
        kept = [
            os.dup2(file, 100 + i) for i, file in enumerate([results, lender][: 1 + (lender is not None)])
        ]
        os.closerange(3, 100)
        files = [os.dup2(file, 3 + i) for i, file in enumerate(kept)]
        os.closerange(3 + len(files), 4096)
        if os.getpid() == 2:  # in a world of its own
            request["scratch"] = walls.HOME
        walls.lock_in(request)
        run(request, task, *files)
    finally:
        os._exit(70)


def run(request, task, results, lender=None):
    """Import the script and do the steps; each result is a line of JSON as soon as it is there."""
    os.chdir(request["scratch"])
    for name, text in task["files"].items():
        with open(name, "wb") as file:
            file.write(base64.b64decode(text))
    sys.path.append(request["scratch"])
    sys.argv = [task["script"]]
    for name in set(os.environ) & {"PYTHONPATH", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}:
        del os.environ[name]
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP"), request["scratch"]))
    if request["fence"] is not None:
        walls.fence(request["scratch"], request["fence"])
    with contextlib.suppress(AttributeError):
        np.random.bit_generator.randbits = lambda bits: 0  # unseeded generators are the same every time, too
    me = os.getpid()
    for result in work(task, os.path.join(request["scratch"], task["script"]), lender):
        if os.getpid() != me:  # the student's code has forked, and this is not the one that was asked
            os._exit(0)
        data = json.dumps(result).encode() + b"\n"
        while data:
            data = data[os.write(results, data) :]
    os._exit(0)


def work(task, path, lender):
    module = Names(path)
    module.ask = lender and asking(lender)
    for step in task["steps"]:
        yield perform(module, step)
        if module.names is None:  # it could not be imported
            return


def asking(lender):
    """A function that asks the grader; what it is given and what comes back are numbers, and arrays."""
    file = socket.socket(fileno=lender).makefile("rwb")

    def ask(*question):
        file.write(json.dumps(question, default=lambda value: np.asarray(value).tolist()).encode() + b"\n")
        file.flush()
        return [np.array(value, float)[()] for value in json.loads(file.readline())]

    return ask


def silence():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
