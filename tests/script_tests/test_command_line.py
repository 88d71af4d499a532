"""What holds for all three scripts: how they start, how they stop, what they leave, how they are built."""

import ast
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pace import sample

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["backprop.py", "kmeans.py", "em_binary.py"]

WRITING = [  # a run of every mode that writes, and its file
    ("backprop.py logreg --iters 5 --plot", "logreg_simple.png"),
    ("backprop.py neural --iters 5 --plot", "neural_xor.png"),
    ("kmeans.py basic -k 3", "clusters_k3.png"),
    ("kmeans.py elbow -k 4 --restarts 2", "elbow.png"),
    ("kmeans.py image -k 4", "compressed_k4.png"),
    ("em_binary.py basic -k 3 --restarts 1", "genomes_k3.png"),
    ("em_binary.py select -k 2 --restarts 1", "bic.png"),
]
LONG = [
    "backprop.py neural --iters 100000000",
    "kmeans.py basic -k 20 --restarts 100000000",
    "kmeans.py elbow -k 20 --restarts 100000000",
    "em_binary.py basic -k 5 --restarts 100000000",
    "em_binary.py select -k 5 --restarts 100000000",
]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and /proc as on Linux and macOS")


def start(command, cwd, **options):
    script, *args = command.split()
    options = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "encoding": "utf-8",
    } | options
    return subprocess.Popen([sys.executable, "-W", "error", ROOT / script, *args], cwd=cwd, **options)


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@posix
@pytest.mark.parametrize(
    "line", sample(["kmeans.py elbow -k 4", "backprop.py neural", "em_binary.py check"], 3)
)
def test_a_closed_pipe_is_no_error(line, tmp_path):
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start(line, tmp_path, stdout=write_end)
    os.close(write_end)
    status, _, err = finish(process)
    assert (status, err) == (0, "")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    "script", sample(["backprop.py grad_check_1", "kmeans.py basic -k 2", "em_binary.py check"], 3)
)
def test_a_full_disk_behind_stdout_is_said(script, tmp_path):
    with open("/dev/full", "w") as full:
        status, _, err = finish(start(script, tmp_path, stdout=full))
    assert status == 2
    assert err == f"{script.split()[0]}: error: No space left on device\n"


@posix
@pytest.mark.all
def test_the_picture_is_written_whoever_reads_the_text(tmp_path):
    line, name = WRITING[3]
    command = f"{sys.executable} -u {ROOT / line} | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@posix
@pytest.mark.all
@pytest.mark.parametrize("line, name", WRITING[::3], ids=str)
def test_closed_streams_and_a_notebooks_backend(line, name, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 9\n")
    environment = os.environ | {"MPLBACKEND": "module://nowhere"}
    command = f"{sys.executable} {ROOT / line} >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@posix
@pytest.mark.parametrize("line, name", sample(WRITING[::-3], 3), ids=str)
def test_an_older_picture_keeps_its_mode_and_survives_a_full_disk(line, name, tmp_path):
    older = tmp_path / name
    older.write_bytes(b"older" * 4000)
    older.chmod(0o600)
    command = f"ulimit -f 2; {sys.executable} {ROOT / line}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"{line.split()[0]}: error: cannot write {older}: File too large\n"
    assert older.read_bytes() == b"older" * 4000
    older.write_bytes(b"")
    assert finish(start(line, tmp_path))[0] == 0
    assert older.read_bytes().startswith(b"\x89PNG")
    assert older.stat().st_mode & 0o777 == 0o600


@pytest.mark.all
def test_without_docstrings():
    command = [sys.executable, "-OO", ROOT / "backprop.py", "--help"]
    assert subprocess.run(command, capture_output=True).returncode == 0


@posix
def test_a_new_picture_that_cannot_be_finished_is_removed(tmp_path):
    command = f"ulimit -f 2; {sys.executable} {ROOT / WRITING[3][0]}"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True).returncode == 2
    assert list(tmp_path.iterdir()) == []


@posix
def test_ctrl_c_during_the_imports(tmp_path):
    """A module that interrupts as it is imported stands for numpy."""
    fake = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"
    (tmp_path / "numpy.py").write_text(fake)
    for script in SCRIPTS:
        (tmp_path / script).write_bytes((ROOT / script).read_bytes())
        done = subprocess.run([sys.executable, tmp_path / script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


CTRL_C = """
import importlib, os, signal, sys
folder, name, *_ = sys.argv[1:]
sys.path.insert(0, folder)
script = importlib.import_module(name)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
signal.setitimer(signal.ITIMER_REAL, 0.5, 5)  # again, if the first is lost in a destructor
sys.argv = sys.argv[2:]
script.run(script.main)
"""


@posix
@pytest.mark.parametrize("line", sample(LONG, 5))
def test_ctrl_c_ends_with_130_and_leaves_nothing(line, tmp_path):
    script, *args = line.split()
    command = [sys.executable, "-c", CTRL_C, ROOT, script.removesuffix(".py"), *args]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize("line, file", WRITING)
def test_a_folder_that_cannot_be_written_is_said(line, file, command, undrawn):
    status, _, err = command(line, cwd="/proc")
    assert status == 2
    assert err.startswith(f"{line.split()[0]}: error: cannot write {Path('/proc', file)}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("args", ["", "--bogus", "bogus", "-k", "basic --bogus 3", "basic basic -k 2"])
def test_unknown_words_get_one_line(script, args, command):
    status, out, err = command(f"{script} {args}")
    assert (status, out) == (2, "")
    assert err.startswith(f"{script}: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        "kmeans.py basic -k 0",
        "kmeans.py basic -k -1",
        "kmeans.py basic -k two",
        "kmeans.py basic -k 1e3",
        "kmeans.py basic -k 501",
        "kmeans.py basic",
        "kmeans.py image",
        "kmeans.py basic -k 2 -s -1",
        "kmeans.py basic -k 2 -s 4294967296",
        "kmeans.py basic -k 2 --restarts 0",
        "kmeans.py basic -k 2 --image original.png",
        "kmeans.py image -k 2 --data data.tsv",
        "kmeans.py basic -k 2 --data missing.tsv",
        "em_binary.py basic",
        "em_binary.py basic -k 0",
        "em_binary.py basic -k 2.5",
        "em_binary.py basic -k 2 -s -1",
        "em_binary.py basic -k 2 --restarts 0",
        "em_binary.py basic -k 2 --data missing.tsv",
        "em_binary.py check -k 2",
        "backprop.py neural --iters 0",
        "backprop.py neural --lr inf",
        "backprop.py neural -d moons",
        "backprop.py grad_check_2 --lr 1",
    ],
)
def test_bad_options_get_one_line(line, command, tmp_path):
    status, out, err = command(line)
    assert (status, out) == (2, "")
    assert err.startswith(f"{line.split()[0]}: error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_has_an_example_of_each_command(script, command):
    status, out, err = command(f"{script} --help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: {script}")
    for mode in {line.split()[1] for line, _ in WRITING if line.startswith(script)}:
        assert f"\n    python3 {script} {mode} " in out


def test_help_of_a_mode_has_its_own_options(command):
    _, out, _ = command("kmeans.py image --help")
    assert "--out" in out and "--data" not in out


def test_options_may_come_before_the_mode(command, tmp_path, undrawn):
    assert command("backprop.py --iters 1 -d xor neural")[0] == 0
    assert command("kmeans.py -k 2 basic --data image")[2].startswith("kmeans.py: error: image: ")
    assert command("em_binary.py -s 1 check")[0] == 0


@pytest.mark.parametrize("name", ["with blank.tsv", "è ñ 数.tsv", "-k.tsv"])
@pytest.mark.parametrize("script", ["kmeans.py", "em_binary.py"])
def test_odd_file_names(script, name, command, tmp_path, undrawn):
    (tmp_path / name).write_text("0 1\n1 0\n1 1\n0 0\n")
    status, _, err = command([script, "basic", "-k", "2", f"--data={name}"])
    assert (status, err) == (0, "")


# how the scripts are built


@pytest.mark.parametrize("script", SCRIPTS)
def test_importing_does_nothing_but_define(script, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {script[:-3]}"
    code += "; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_stands_alone_and_its_functions_are_short(script):
    tree = ast.parse((ROOT / script).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {name[:-3] for name in SCRIPTS}
    lengths = {
        node.name: node.end_lineno
        - (node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]).lineno
        + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > 30} == {}
    assert statistics.median(lengths.values()) < 8


def test_the_top_level_holds_nothing_else():
    wanted = {
        "backprop.py",
        "kmeans.py",
        "em_binary.py",
        "data",
        "original.png",
        "tests",
        "README.md",
        "requirements.txt",
    }
    made = {
        "grades",
        *(path.name for path in ROOT.glob("*.png")),
    }  # what the README's commands leave, ignored by git
    found = {
        path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "__pycache__"
    }
    assert found - made <= wanted
    assert wanted <= found
