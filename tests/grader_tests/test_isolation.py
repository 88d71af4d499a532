"""Each run is alone: what it can see, use up and leave behind, in a world of its own and without."""

import ctypes
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pace import sample

ROOT = Path(__file__).resolve().parents[2]
MODE = os.environ.get("GRADER_ISOLATION", "user")


@pytest.fixture
def world(sandbox):
    if not sandbox.alone:
        pytest.skip("no namespaces here")
    return sandbox


def printed_by(sandbox, text, seconds=20):
    """What a script prints when it is imported, and its exception or how its run ended."""
    script = textwrap.dedent(text).encode()
    run = sandbox.run("backprop.py", {"backprop.py": script}, [["load", {}]], seconds)
    if not run.results:
        return "", run.end
    return run.results[0].output, (run.results[0].error or {}).get("type", "") or run.end


def test_nothing_in_proc_shows_the_grader_or_a_submission(sandbox, tmp_path):
    """Command lines, environments, mounts and maps of all processes, and names in memory."""
    text = """
        import gc, os, sys
        for process in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ", "mountinfo", "maps"):
                try:
                    print(open(f"/proc/{process}/{name}", "rb").read())
                except OSError:
                    pass
        print([getattr(module, "__file__", "") for module in list(sys.modules.values())], sys.path, sys.argv)
        print([one.__code__.co_filename for one in gc.get_objects() if type(one) is type(lambda: 0)])
    """
    output, error = printed_by(sandbox, text)
    assert output and not error
    assert str(ROOT / "tests") not in output and str(tmp_path) not in output


def test_a_run_sees_no_process_but_its_own_and_no_file_of_others(world, tmp_path):
    (tmp_path / "secret").write_text("")
    paths = [str(tmp_path), str(ROOT / "tests"), "/etc/passwd", "/run"]
    text = f"""
        import os
        print([int(name) for name in os.listdir("/proc") if name.isdigit()])
        print([os.path.exists(path) for path in {paths!r}])
    """
    assert printed_by(world, text)[0].split("\n")[:2] == ["[1, 2]", "[False, False, False, False]"]


@pytest.mark.all
def test_nothing_can_be_written_but_in_empty_folders_of_its_own(world):
    text = """
        import os
        found = []
        for here, folders, files in os.walk("/"):
            if here == "/":
                folders.remove("proc")
            if os.access(here, os.W_OK):
                found.append((here, sorted(files)))
            found += [(here, name) for name in files if not here.startswith(("/dev", "/tmp"))
                      and not os.path.islink(here + "/" + name) and os.access(here + "/" + name, os.W_OK)]
        print(sorted(found))
    """
    empty = [(place, []) for place in ("/dev/shm", "/tmp")]
    assert printed_by(world, text)[0].strip() == str([*empty, ("", ["backprop.py"]), ("/var/tmp", [])])


KEPT = {
    "file": """
        import os, tempfile
        for place in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock"):
            try:
                print(os.path.exists(place + "/kept-by-a-run"))
                open(place + "/kept-by-a-run", "w").close()
            except OSError:
                pass
    """,
    "memory": """
        import ctypes
        libc = ctypes.CDLL(None)
        print(libc.shmget(0x5eed, 4096, 0) != -1)
        libc.shmget(0x5eed, 4096, 0o1666)
    """,
    "keyring": """
        import ctypes
        libc = ctypes.CDLL(None)
        rings = (-3, -4, -5)
        print([libc.syscall(250, 10, ring, b"user", b"kept-by-a-run", 0) > 0 for ring in rings])
        for ring in rings:
            libc.syscall(248, b"user", b"kept-by-a-run", b"x", 1, ring)
    """,
}


@pytest.mark.parametrize("text", KEPT.values(), ids=list(KEPT))
def test_nothing_carries_from_run_to_run(sandbox, text):
    if not sandbox.user:
        pytest.skip("no user of its own here")
    for _ in range(2):
        output, error = printed_by(sandbox, text)
        assert not error and "True" not in output


def test_there_is_no_network(world):
    text = """
        import socket
        with socket.socket() as one:
            print(one.connect_ex(("127.0.0.1", 9)), one.connect_ex(("192.0.2.1", 80)))
    """
    assert printed_by(world, text)[0].split() == ["101", "101"]


TOTALS = {
    "processes": (
        "import os\nwhile True:\n    if os.fork() == 0:\n        import time; time.sleep(60)\n",
        "BlockingIOError",
    ),
    "shared memory": (
        """
        import mmap, os, time
        for _ in range(6):
            if os.fork() == 0:
                kept = mmap.mmap(-1, 150_000_000)
                kept.write(b"x" * 150_000_000)
                time.sleep(60)
        time.sleep(60)
        """,
        "it took more than 400 MB",
    ),
    "files without names": (
        """
        import os, time
        for _ in range(60):
            os.write(os.memfd_create("x"), bytes(15_000_000))
        time.sleep(60)
        """,
        "it took more than 400 MB",
    ),
    "files": (
        """
        for i in range(60):
            with open(f"/dev/shm/{i}", "wb") as file:
                file.write(bytes(15_000_000))
        """,
        "OSError",
    ),
    "processor time": (
        """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                while True: pass
        time.sleep(60)
        """,
        "it was still running after 2 seconds of processor time",
    ),
}


@pytest.mark.parametrize(("text", "says"), sample(TOTALS.values(), 3), ids=list(TOTALS))
def test_memory_files_processes_and_time_have_a_total(world, text, says):
    assert says in printed_by(world, text, 2)[1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0 or MODE != "user", reason="needs root")
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_without_namespaces_a_user_of_its_own_leaves_nothing_either():
    """As in most containers: root, without the right to make namespaces."""
    script = f"""
        import sys
        sys.path[:0] = [{str(ROOT / "tests")!r}, {str(Path(__file__).parent)!r}]
        from grader import limits
        from test_isolation import KEPT, printed_by
        sandbox = limits.Sandbox("user")
        print(sandbox.alone, bool(sandbox.user), "student code could" in sandbox.note)
        for text in KEPT.values() if sandbox.user else ():
            for _ in range(2):
                output, error = printed_by(sandbox, text)
                print("True" in output, error)
        sandbox.close()
    """

    def drop():
        ctypes.CDLL(None).prctl(24, 21, 0, 0, 0)  # from the bounding set, CAP_SYS_ADMIN: gone at exec

    command = [sys.executable, "-c", textwrap.dedent(script)]
    result = subprocess.run(command, preexec_fn=drop, capture_output=True, text=True)
    first, *kept = result.stdout.splitlines()
    assert first.split()[0] == "False", result.stderr
    if first.split()[1] == "False":
        pytest.skip("this Python cannot be read by other users")
    assert first.split()[2] == "True" and kept == ["False "] * 2 * len(KEPT)
