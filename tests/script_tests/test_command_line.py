"""What holds for all three scripts: how they start, how they stop, what they leave, how they are built."""

import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

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
@pytest.mark.parametrize("line", ["backprop.py neural", "kmeans.py elbow -k 4", "em_binary.py check"])
def test_a_closed_pipe_is_no_error(line, tmp_path):
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start(line, tmp_path, stdout=write_end)
    os.close(write_end)
    status, _, err = finish(process)
    assert (status, err) == (0, "")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("script", ["backprop.py grad_check_1", "kmeans.py basic -k 2", "em_binary.py check"])
def test_a_full_disk_behind_stdout_is_said(script, tmp_path):
    with open("/dev/full", "w") as full:
        status, _, err = finish(start(script, tmp_path, stdout=full))
    assert status == 2
    assert err == f"{script.split()[0]}: error: No space left on device\n"


CTRL_C = """
import importlib, os, signal, sys
folder, name, *_ = sys.argv[1:]
sys.path.insert(0, folder)
script = importlib.import_module(name)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
signal.setitimer(signal.ITIMER_REAL, 0.5)
sys.argv = sys.argv[2:]
script.run(script.main)
"""


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """All of LONG at once, each in a folder of its own: command -> folder, process."""
    processes = {}
    for line in LONG:
        folder, (script, *args) = tmp_path_factory.mktemp("interrupted"), line.split()
        command = [sys.executable, "-c", CTRL_C, ROOT, script.removesuffix(".py"), *args]
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        processes[line] = folder, subprocess.Popen(command, cwd=folder, **options)
    yield processes
    for _, process in processes.values():
        process.kill()
        process.communicate()


@posix
@pytest.mark.parametrize("line", LONG)
def test_ctrl_c_ends_with_130_and_leaves_nothing(line, interrupted):
    folder, process = interrupted[line]
    status, _, err = finish(process)
    assert (status, err) == (130, "")
    assert list(folder.iterdir()) == []


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
def test_help(script, command):
    status, out, err = command(f"{script} --help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: {script}")


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
