"""The process in which student code runs: locked in, told what to call, and it hands back plain arrays.

    child.py serve FD HIDDEN   Linux: imports the packages once, forks for each request from the socket FD
    child.py once REQUEST      elsewhere: one run, the task on standard input, its results on standard output

Neither the reference nor any expectation is ever in this process, or in a file that it can read.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys

os.environ.update(MPLBACKEND="Agg", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
import matplotlib.pyplot  # noqa: E402, F401   imported once, here, for all the runs that are forked
import numpy as np  # noqa: E402, F401
import PIL.Image  # noqa: E402, F401
import scipy.special  # noqa: E402, F401
from actions import Names, perform  # noqa: E402

with contextlib.suppress(ImportError):  # not on Windows
    import resource

PROCESS_LIMIT, FILE_LIMIT = 64, 16_000_000
SUBREAPER, NO_NEW_PRIVILEGES = 36, 38  # of prctl
NAMESPACES = 0x00020000 | 0x08000000 | 0x40000000  # of unshare: mounts, System V memory, network
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000  # of mount


def once(request):
    """One run in this process. Only its results may go to the standard output that the grader reads."""
    task = json.loads(sys.stdin.buffer.read())
    results = os.dup(1)
    silence()
    lock_in(request)
    run(request, task, results)


def serve(channel, hidden):
    """Fork for every request until the grader hangs up."""
    libc().prctl(SUBREAPER, 1, 0, 0, 0)  # what a run leaves behind becomes a child of this process
    channel.send(json.dumps(place(hidden)).encode())
    while True:
        data, files, _, _ = socket.recv_fds(channel, 65536, 2)
        if not data:
            return
        if data == b"kill":  # it came too late: the run had just ended
            continue
        request = json.loads(data)
        pid = os.fork()
        if pid == 0:
            channel.close()
            in_fork(request, *files)
        for file in files:
            os.close(file)
        status = wait(pid, channel)
        kill_everything(request["user"])
        channel.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def in_fork(request, task_file, results):
    """The life of a forked child; it never returns into serve."""
    try:
        with os.fdopen(task_file, "rb") as file:
            task = json.loads(file.read())
        os.dup2(results, 3)
        os.closerange(4, 4096)
        silence()
        lock_in(request)
        run(request, task, 3)
    finally:
        os._exit(70)


def run(request, task, results):
    """Import the script and do the steps; each result is a line of JSON as soon as it is there."""
    os.chdir(request["scratch"])
    sys.path.append(request["scratch"])
    sys.argv = [task["script"]]
    for name in set(os.environ) & {"PYTHONPATH", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}:
        del os.environ[name]
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP"), request["scratch"]))
    if request["fence"] is not None:
        fence(request["scratch"], request["fence"])
    with contextlib.suppress(AttributeError):
        np.random.bit_generator.randbits = lambda bits: 0  # unseeded generators are the same every time, too
    me = os.getpid()
    for result in work(task, os.path.join(request["scratch"], task["script"])):
        if os.getpid() != me:  # the student's code has forked, and this is not the one that was asked
            os._exit(0)
        data = json.dumps(result).encode() + b"\n"
        while data:
            data = data[os.write(results, data) :]
    os._exit(0)


def work(task, path):
    module = Names(path)
    for step in task["steps"]:
        yield perform(module, step)
        if module.names is None:  # it could not be imported
            return


def silence():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


# the walls


def lock_in(request):
    """Limits that the kernel holds, a user of its own, and no way to become another."""
    if "resource" not in globals():
        return
    os.setsid()
    seconds = int(request["seconds"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    limit(resource.RLIMIT_FSIZE, FILE_LIMIT)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too long is an OSError
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, 256)
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        limit(resource.RLIMIT_AS, pages * resource.getpagesize() + request["memory"])
        if request["user"]:
            limit(resource.RLIMIT_NPROC, PROCESS_LIMIT)
            become(request["user"])
        libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def limit(which, value):
    resource.setrlimit(which, (value, value))


def become(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def place(hidden):
    """Hide the folders from all runs, and find a user whom nobody else is. Says what could not be had."""
    if os.geteuid() != 0:
        return {"user": None, "hidden": False, "why": "the grader does not run as root"}
    covered = cover(hidden)
    why = ""
    for base, span in ((1_000_000_000, 1 << 22), (20_000, 20_000)):  # the second where few users are mapped
        user = base + os.getpid() % span
        why = in_a_fork(lambda: try_user(user))  # noqa: B023
        if not why:
            return {"user": user, "hidden": covered, "why": ""}
    return {"user": None, "hidden": covered, "why": why}


def try_user(user):
    become(user)
    for module in (os, np, scipy.special, matplotlib.pyplot, PIL.Image):
        with open(module.__file__, "rb"):
            pass


def cover(hidden):
    """In this process and its children only: an empty folder or file over each of the paths."""
    lib = libc()
    if lib.unshare(NAMESPACES) or lib.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None):
        return False
    return all(cover_one(lib, os.fsencode(path)) for path in hidden)


def cover_one(lib, path):
    if os.path.isdir(path):
        return lib.mount(b"none", path, b"tmpfs", 0, b"size=4k,mode=0") == 0
    return lib.mount(b"/dev/null", path, None, BIND, None) == 0


def in_a_fork(function):
    """Call the function in a child. Returns the text of its exception, or nothing."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        text = file.read().decode()
    os.waitpid(pid, 0)
    return text


FORKS = 5  # of a process and what it has forked, together
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED = ["os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.killpg", "subprocess.Popen"]
CHANGING = [
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
]
READING = ("open", "os.listdir", "os.scandir")


def fence(scratch, hidden):
    """Where student code cannot be locked out: refuse what no homework does. It stops plain tries only."""
    forks, scratch, hidden = 0, os.path.realpath(scratch), [os.path.realpath(path) for path in hidden]

    def hook(event, arguments):
        nonlocal forks
        forks += event == "os.fork"
        if event in REFUSED or forks > FORKS:
            raise PermissionError(f"{event} is refused while grading")
        if event in READING or event in CHANGING:
            path = arguments[0]
            if isinstance(path, (str, bytes)):
                writing = event in CHANGING or event == "open" and bool((arguments[2] or 0) & WRITING)
                allow(os.fsdecode(path), writing, scratch, hidden)

    sys.addaudithook(hook)


def allow(path, writing, scratch, hidden):
    """PermissionError for a path that is closed, or that is to be changed and does not lie in scratch."""
    real = os.path.realpath(path)
    if any(inside(real, folder) for folder in hidden):
        raise PermissionError(f"{path} is closed while grading")
    if writing and path != os.devnull and not inside(real, scratch):
        raise PermissionError(f"{path} is outside the folder of the script")


def inside(path, folder):
    return path == folder or path.startswith(os.path.join(folder, ""))


# the end of a run


def wait(pid, channel):
    """Until the child ends, or the grader says that its time is over."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        if select.select([channel], [], [], 0.002)[0]:
            channel.recv(16)
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1]


def kill_everything(user):
    """Kill what the run has left behind; all of it becomes a child of this process, so none is none."""
    while children_left():
        if user:
            in_a_fork(lambda: kill_user(user))
        else:
            for process in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def children_left():
    """Whether there are children, when those that have ended are waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


def kill_user(user):
    """kill(-1) as the user reaches all of them at once; the real user differs, so that none can kill this."""
    os.setgroups([])
    os.setresuid(user + (20_000 if user < 1_000_000 else 1 << 30), user, user)
    os.kill(-1, signal.SIGKILL)


def descendants(pid):
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found[1:]


def libc():
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1] == "serve":
        serve(socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3]))
    else:
        once(json.loads(sys.argv[2]))
