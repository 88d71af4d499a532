"""The walls around a run of student code: what it can see, touch, use up and leave behind.

As root on Linux, where namespaces may be made, a run is a small world of its own. `alone` makes it: a
process in new namespaces for processes, memory between processes (IPC), network and mounts becomes process 1
of that world. It builds a root directory in memory that holds nothing but Python, its packages and the
system's libraries, all read only, a private /proc, a few devices, and small empty folders to write into: no
other file of the machine has a name in there. It starts the student's process as a user that no other run
has, and watches what all processes of that world take together. When it ends, the kernel ends all of them;
their files and memory go with them.

Where namespaces are refused (in most containers), a run still has a user of its own: file modes keep it out,
and `clear` removes what that user has left. Where there is no other user at all, a fence in Python refuses
what no homework does; it stops plain tries, no determined attack.
"""

import contextlib
import ctypes
import json
import os
import platform
import select
import shutil
import signal
import sys
import time

with contextlib.suppress(ImportError):  # not on Windows
    import resource

PROCESSES, OPEN_FILES, FILE = 64, 128, 16_000_000  # of a run: processes, of one: open files, bytes of a file
FILES = 48_000_000  # bytes of all files of a run
NAMESPACES = 0x00020000 | 0x08000000 | 0x40000000  # of unshare: mounts, memory between processes, network
PROCESSES_APART = 0x20000000  # and processes
NOSUID, NODEV, READ_ONLY, REMOUNT, BIND = 2, 4, 1, 0x20, 0x1000  # of mount
RECURSIVE, PRIVATE = 0x4000, 0x40000
SUBREAPER, NO_NEW_PRIVILEGES = 36, 38  # of prctl
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("null", "zero", "full", "random", "urandom")
HOME = "/tmp/homework"  # where a run finds itself in a root of its own
LOOK = 0.05  # seconds between two looks at what a run takes


def libc():
    return ctypes.CDLL(None, use_errno=True)


# a world of its own


def alone(request, hidden, student, channel):
    """Do student() in a world of its own; how it ended, when all of it is gone."""
    read, write = os.pipe()
    with open("/proc/self/ns/pid") as own:
        unshare(PROCESSES_APART)  # of this process, only what it starts next is in there
        pid = os.fork()
        if pid == 0:
            with ending():
                unshare(NAMESPACES)
                os.write(write, json.dumps(world(request, hidden, student, channel)).encode())
        libc().setns(own.fileno(), PROCESSES_APART)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as file:
        return json.loads(file.read() or b'{"status": -9, "why": ""}')


@contextlib.contextmanager
def ending():
    """The process ends here, whatever happens."""
    try:
        yield
    finally:
        os._exit(0)


def unshare(kinds):
    if libc().unshare(kinds):
        raise OSError(ctypes.get_errno(), "no namespaces")


def world(request, hidden, student, channel):
    """Process 1: build the root, start the student's process, and watch it."""
    build(request["scratch"], request["user"], hidden)
    pid = os.fork()
    if pid == 0:
        with ending():
            channel.close()
            student()
    return watch(
        pid, channel, request, lambda: [int(name) for name in os.listdir("/proc") if name.isdigit()][1:]
    )


def build(stage, user, hidden):
    """A root directory in memory, and this process in it."""
    mount("none", "/", flags=RECURSIVE | PRIVATE)
    mount("none", stage, "tmpfs", NOSUID | NODEV, f"size={FILES},nr_inodes=4096,mode=755")
    for path in needed():
        lay(path, stage)
    for path in hidden:
        inside = stage + os.path.realpath(path)
        if os.path.isdir(inside):
            mount("none", inside, "tmpfs", READ_ONLY, "size=4k,mode=0")
        elif os.path.exists(inside):
            mount("/dev/null", inside, flags=BIND)
    for name in DEVICES:
        lay(f"/dev/{name}", stage, read_only=False)
    for name in ("/dev/shm", "/tmp", "/var/tmp", HOME):
        os.makedirs(stage + name, exist_ok=True)
        os.chown(stage + name, user, user)
    os.makedirs(stage + "/proc")
    mount("proc", stage + "/proc", "proc", NOSUID | NODEV)
    for name, value in (("shmmax", 0), ("shmall", 0), ("msgmni", 0), ("sem", "1 0 1 0")):
        with contextlib.suppress(OSError), open(f"{stage}/proc/sys/kernel/{name}", "w") as file:
            file.write(f"{value}")  # System V memory has no other bound, and no homework needs it
    os.chroot(stage)
    os.chdir("/")


def needed():
    """Python, its packages, the system's libraries: paths as they are called, and what links lead to."""
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(os.path.isdir, sys.path)]
    paths = {path for name in (*SYSTEM, *python) for path in (os.path.abspath(name), os.path.realpath(name))}
    return sorted(path for path in paths if os.path.exists(path) and path != "/")


def lay(path, stage, read_only=True):
    """The file or folder under the same path in the stage; a link as a link."""
    target = stage + path
    if os.path.lexists(target) and os.stat(target).st_dev == os.stat(path).st_dev:
        return  # it came with a folder above it
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "w").close()
    mount(path, target, flags=BIND)
    if read_only:
        mount("none", target, flags=BIND | REMOUNT | READ_ONLY | NOSUID | NODEV)


def mount(source, target, kind=None, flags=0, options=None):
    texts = [text and os.fsencode(text) for text in (source, target, kind, options)]
    if libc().mount(*texts[:3], flags, texts[3]):
        error = ctypes.get_errno()
        raise OSError(error, f"mount {target}: {os.strerror(error)}")


# what a run takes


def watch(pid, channel, request, members):
    """Wait for a process. Its status, and why it was ended: "time", "wait", "memory" or nothing.

    It may wait as long as it may compute: a look finds it waiting if no process of it wants to compute, so a
    busy machine takes nothing from it.
    """
    start, looked, idle, own = time.monotonic(), 0.0, 0.0, memory(os.getpid())
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return {"status": os.waitstatus_to_exitcode(status), "why": ""}
        why, passed = "", time.monotonic() - start
        if select.select([channel], [], [], 0.002)[0]:
            why = "stopped"  # the grader has hung up
        elif passed > request["wait"]:
            why = "wait"
        elif passed - looked > LOOK:
            looked, found = passed, members()
            spent, states = zip(*map(processor, found)) if found else ((), ())
            idle += LOOK * ("R" not in states and "D" not in states)
            taken = sum(max(0, memory(one) - own) + unmapped(one) for one in found)
            why = "time" if sum(spent) > request["seconds"] else "memory" if taken > request["memory"] else ""
            why = why or ("wait" if idle > request["idle"] else "")
        if why:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return {"status": -9, "why": why}


def processor(pid):
    """Seconds of processor time of a process and of its children that have ended, and the state it is in."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), fields[0]
    return 0, ""


def memory(pid):
    """Bytes of a process that no file holds, its own and shared ones."""
    taken = 0
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(("RssAnon:", "RssShmem:")):
                taken += 1024 * int(line.split()[1])
    return taken


def unmapped(pid):
    """Bytes of files that have no name (memfd_create)."""
    taken = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(entry.path).startswith("/memfd:"):
                taken += os.stat(entry.path).st_blocks * 512
    return taken


def lock_in(request):
    """Limits that the kernel holds, a user of its own, and no way to become another."""
    if "resource" not in globals():
        return
    os.setsid()
    seconds = int(request["seconds"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    limit(resource.RLIMIT_FSIZE, FILE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too long is an OSError
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        limit(resource.RLIMIT_AS, pages * resource.getpagesize() + request["memory"])
        limit(resource.RLIMIT_MSGQUEUE, 0)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory runs out all the same, this process goes first, not the grader
        if request["user"]:
            limit(resource.RLIMIT_NPROC, PROCESSES)
            no_keys()
            become(request["user"])
        libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def limit(which, value):
    resource.setrlimit(which, (value, value))


def no_keys():
    """A new keyring for the session: the one that was inherited would outlive the run."""
    call = {"x86_64": 250, "aarch64": 219}.get(platform.machine())  # keyctl
    if call:
        libc().syscall(call, 1, None)  # JOIN_SESSION_KEYRING


def become(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def in_a_fork(function):
    """Call the function in a child. Returns the text of its exception, or nothing."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with ending():
            try:
                function()
            except BaseException as error:
                os.write(write, f"{type(error).__name__}: {error}".encode())
    os.close(write)
    with os.fdopen(read, "rb") as file:
        text = file.read().decode()
    os.waitpid(pid, 0)
    return text


# a user of its own, without namespaces: what it has left behind


def clear(user, places):
    """End all processes of the run, which become children of this one, and remove what its user has left."""
    while children_left():
        if user:
            in_a_fork(lambda: kill_user(user))
        else:
            for process in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
    if user:
        for place in places:
            remove(place, user)
        in_a_fork(lambda: (become(user), remove_memory(user)))


def remove(place, user):
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            if entry.stat(follow_symlinks=False).st_uid == user:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.remove(entry.path)


def remove_memory(user):
    """System V shared memory, semaphores and messages outlive their processes."""
    lib = libc()
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError, ValueError), open(f"/proc/sysvipc/{kind}") as file:
            names, *rows = [line.split() for line in file]
            for row in rows:
                if int(row[names.index("uid")]) == user:
                    end = {"shm": lib.shmctl, "sem": lib.semctl, "msg": lib.msgctl}[kind]
                    end(int(row[1]), 0, 0, None)  # IPC_RMID is 0, and semctl takes it in third place


def open_places(user):
    """Folders that anyone may write to, found by looking, as that user."""
    read, write = os.pipe()
    in_a_fork(lambda: (become(user), os.write(write, "\0".join(look("/")).encode()[:60_000])))
    os.close(write)
    with os.fdopen(read, "rb") as file:
        return list(filter(None, file.read().decode().split("\0")))


def look(top):
    for here, folders, _ in os.walk(top):
        if here in ("/proc", "/sys"):
            folders.clear()
        elif os.access(here, os.W_OK):
            yield here


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


def processes_of(user):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid in (user, 0) and owner(name) == user:
                found.append(int(name))
    return found


def owner(name):
    """The user of a process; its folder in /proc belongs to root once it has changed its user."""
    with open(f"/proc/{name}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Uid:"))


def descendants(pid):
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found[1:]


# no user of its own: a fence


FORKS = 60  # of a run; what it has forked may fork once
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
    me, left = os.getpid(), FORKS
    scratch, hidden = os.path.realpath(scratch), [os.path.realpath(path) for path in hidden]

    def hook(event, arguments):
        nonlocal left
        if event == "os.fork":
            left = (left if os.getpid() == me else min(left, 1)) - 1
        if event in REFUSED or event == "os.fork" and left < 0:
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
