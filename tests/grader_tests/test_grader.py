"""The grader around its checks: its limits, its reports, its command line, its package for Gradescope."""

import csv
import functools
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import grade
import numpy as np
import pytest
from grader import checks, compare, grading, lent, limits, models, reference, report
from grader.actions import NODES
from grader.parts import CHECKS, MAXIMUM, PARTS, POINTS, TOTAL
from pace import finish, sample

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
MODE = os.environ.get("GRADER_ISOLATION", "user")
NO_LOG = "\nclass LogNode:\n    def __init__(self, n):\n        raise NotImplementedError\n"


def submit(where, name="student", backprop="", kmeans=""):
    """Make a submission: the reference with something after each script."""
    folder = where / name
    folder.mkdir(parents=True)
    for script, more in (("backprop.py", backprop), ("kmeans.py", kmeans)):
        (folder / script).write_text((ROOT / script).read_text(encoding="utf-8") + more, encoding="utf-8")
    return folder


@pytest.fixture
def submission(tmp_path):
    """A function that makes a submission in tmp_path."""
    return functools.partial(submit, tmp_path)


def strict(path):
    """JSON without NaN or Infinity, which Gradescope refuses."""
    return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=pytest.fail)


def table(output):
    """The rows of grades.csv, a dictionary each."""
    with open(output / "grades.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def printed_by(sandbox, text, seconds=20):
    """What a script with this text prints when it is imported, and how its run ended."""
    run = sandbox.run("backprop.py", {"backprop.py": text.encode()}, [["load", {}]], seconds)
    return (run.results[0].output.split() if run.results else None), run.end


# the points


@pytest.mark.parametrize("part", PARTS)
def test_the_checks_have_the_points_of_the_handout_and_what_it_does_not_say_at_most_one(part):
    checks = PARTS[part].checks
    assert sum(check.points for check in checks) == PARTS[part].points
    assert sum(check.points for check in checks if not check.rests_on) <= 1


def test_every_check_that_has_points_is_made_once():
    made = [(trial.part, check) for part in PARTS for trial in grading.trials(part) for check in trial.checks]
    assert sorted(made) == sorted(CHECKS)


def test_the_limits_leave_half_of_the_time_that_gradescope_gives():
    assert grading.longest() < 300


# the limits


def test_what_a_script_finds_around_it(sandbox):
    text = """
import os, sys, matplotlib
print(len(sys.stdin.read()), matplotlib.get_backend().lower(), os.environ["OMP_NUM_THREADS"], *sys.argv)
print(sys.path[-1] == os.getcwd() == os.path.dirname(__file__))
print(sorted(os.listdir()), os.environ["HOME"] == sys.path[-1])
print(hash("a") == hash("a"), any("grader" in path or "tests" in path for path in sys.path))
"""
    expected = "0 agg 1 backprop.py True ['backprop.py'] True True False"
    assert printed_by(sandbox, text)[0] == expected.split()


def test_as_root_a_run_has_a_user_of_its_own(sandbox):
    user, group, groups = printed_by(
        sandbox, "import os; print(os.getuid(), os.getgid(), len(os.getgroups()))"
    )[0]
    if sandbox.user:
        again = printed_by(sandbox, "import os; print(os.getuid())")[0][0]
        assert user == group != again and int(user) >= 20_000 and groups == "0"
        assert sandbox.alone == (sandbox.note == "")
    else:
        assert int(user) == os.getuid()
        assert "student code ran as the user who grades" in sandbox.note


@pytest.mark.parametrize("path", ["backprop.py", "tests/grader/parts.py", "tests", "tests/grader_tests"])
def test_the_project_cannot_be_read(sandbox, path):
    path = ROOT / path
    text = f"""
import os
try:
    print("read", os.listdir({str(path)!r}) if os.path.isdir({str(path)!r}) else open({str(path)!r}).read())
except OSError:
    print("read")
"""
    assert set(printed_by(sandbox, text)[0]) <= {"read", "[]"}


def test_a_run_that_does_not_end_is_ended_and_keeps_what_it_earned(sandbox):
    source = "def kmeans(X, k):\n    if k == 2:\n        while True: pass\n    return [0], [[0.0]], 0.0\n"
    steps = [["load", {}], *(["kmeans", {"X": [[0.0]], "k": k, "seed": 0}] for k in (1, 2, 3))]
    run = sandbox.run("kmeans.py", {"kmeans.py": source.encode()}, steps, 0.3)
    assert len(run.results) == 2 and run.results[1].seen["loss"].array == 0
    assert run.end == "it was still running after 0.3 seconds of processor time"


def test_nothing_is_left_of_a_run(sandbox):
    """Neither a process, also one that has left its session, nor a file."""
    text = """
import os, subprocess, time
left = os.fork()
if left == 0:
    os.setsid()
    if os.fork() == 0:
        print(flush=True)
        time.sleep(60)
    time.sleep(60)
for folder in ("/tmp", "/var/tmp", "/dev/shm", "."):
    try:
        open(folder + "/left-by-a-submission", "w").close()
    except OSError:
        pass
print(left)
"""
    if not hasattr(os, "fork") or sandbox.server is None:
        pytest.skip("no forking server here")
    (left,), _ = printed_by(sandbox, text)
    server = sandbox.server.pid
    assert sandbox.alone or not Path(f"/proc/{left}").exists()
    assert Path(f"/proc/{server}/task/{server}/children").read_text() == ""
    left = [Path(place, "left-by-a-submission") for place in ("/tmp", "/var/tmp", "/dev/shm")]
    assert not [path for path in left if path.exists()]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("import os; os._exit(3)", "it ended Python itself, with exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "it crashed Python (segmentation fault)"),
        ("import os; os.abort()", "it was ended by SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it was ended by SIGKILL"),
    ],
    ids=["exit", "crash", "abort", "kill"],
)
def test_how_a_run_ended_is_said(sandbox, text, end):
    if "os.kill" in text and sandbox.fence:
        pytest.skip("the fence refuses this")
    assert printed_by(sandbox, text) == (None, end)


def test_output_is_cut_off(sandbox):
    words, end = printed_by(sandbox, "for i in range(10**5): print('x' * 99)")
    assert end == "" and 1000 < len(words) < 10_000


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[1, 2]",
        b'{"seen": 1, "output": "", "error": null}',
        b'{"seen": {"x": {"type": "", "dtype": "O", "shape": [1], "data": "AA=="}}, "output": 0, "error": 0}',
        b'{"seen": {"x": {"type": 0, "dtype": "<f8", "shape": [9], "data": ""}}, "output": 0, "error": 0}',
        b'{"seen": {"x": {"type": 0, "dtype": "f8", "shape": [1e999], "data": ""}}, "output": 0, "error": 0}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=["words", "list", "number", "objects", "short", "infinite", "deep", "bytes"],
)
def test_what_comes_back_and_is_no_result_ends_the_results(line):
    good = b'{"seen": {}, "output": "", "error": null}\n'
    results, _, odd = limits.read(good + line + b"\n" + good, "/nowhere")
    assert len(results) == 1 and odd


ODD = [
    None,
    [],
    [1.0],
    np.zeros((3, 0)),
    np.nan,
    np.full(7, np.inf),
    True,
    -1,
    10**6,
    "words",
    2**62,
    np.zeros((9, 9, 9)),
]


def test_the_objective_is_that_of_the_nodes():
    step = ["descent", {"start": [1.2, 0.7, 0.4], "lr": 0.0, "num_iters": 1}]
    assert np.isclose(
        models.objective(1.2, 0.7, 0.4), reference.perform("backprop.py", step).seen["final loss"].array
    )


@pytest.mark.parametrize("value", sample(ODD, 6), ids=lambda value: str(np.ravel(value)[:1]))
@pytest.mark.parametrize("part", PARTS)
def test_no_forged_value_makes_the_grader_fail(part, value):
    """Whatever comes back in the place of one value or of all, each check has an outcome."""
    for trial in grading.trials(part):
        for only in {None, *(name for result in trial.wanted for name in result.seen)}:
            forged = [Forged(result, value, only) for result in trial.wanted]
            outcomes = checks.judge(trial, limits.Run(forged, ""))
            assert set(outcomes) == set(trial.checks)
            assert only or not any(outcome.passed for outcome in outcomes.values())


class Forged:
    """A result with another value in the place of one, or of all."""

    def __init__(self, result, value, only):
        self.seen = {
            name: seen(value) if only in (None, name) else kept for name, kept in result.seen.items()
        }
        self.output, self.error = f"{value} 1e{'9' * 5000} -- 1e-999" if only is None else result.output, None


@pytest.mark.parametrize("mode", sample(["spawn", "fork"], 2))
def test_where_no_other_user_can_be_had_it_is_said(mode, submission):
    sandbox = limits.Sandbox(mode)
    try:
        grade = grading.Grading(submission(), sandbox).part("1b")
        assert grade.score == MAXIMUM["1b"]
        assert "student code ran as the user who grades" in sandbox.note
    finally:
        sandbox.close()


def test_a_new_python_for_each_run_is_ended_too():
    sandbox = limits.Sandbox("spawn", patience=0.005)
    assert "still running" in printed_by(sandbox, "import time; time.sleep(60)", 10)[1]


def test_a_server_that_died_is_started_again(sandbox):
    if sandbox.server is None:
        pytest.skip("no forking server here")
    sandbox.server.kill()
    sandbox.server.wait()
    assert printed_by(sandbox, "print(1)") == (["1"], "")


# the reports


@pytest.fixture(scope="module")
def written(sandbox, tmp_path_factory):
    """The contents of results.json before each part of a submission is graded, and at the end."""
    folder, contents = tmp_path_factory.mktemp("graded"), []
    target = folder / "results.json"
    job = grade.Job("student", submit(folder, kmeans="\n1 / 0\n"), target)
    part_of = job.grading.part
    job.grading.part = lambda part: contents.append(strict(target)) or part_of(part)
    job.grade(sandbox)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return [*contents, strict(target)]


def test_results_are_complete_after_every_part(written):
    scores = [[test["score"] for test in content["tests"] if "score" in test] for content in written]
    full = [MAXIMUM[part] * (part != "2a") for part in PARTS]
    assert scores == [full[:done] + [0] * (9 - done) for done in range(10)]
    assert sum(test.get("max_score", 0) for test in written[0]["tests"]) == TOTAL
    assert sum("not run" in test["output"] for test in written[0]["tests"]) == 11


def test_results_have_the_fields_that_gradescope_knows(written):
    content = written[-1]
    known = [
        "name",
        "number",
        "score",
        "max_score",
        "status",
        "output",
        "output_format",
        "visibility",
        "tags",
        "extra_data",
    ]
    assert all(set(test) <= set(known) for test in content["tests"])
    assert "score" not in content  # it would take the place of the sum
    status = {test["name"]: test["status"] for test in content["tests"]}
    assert status["backprop.py found and imported"] == status["1b LogNode"] == "passed"
    assert status["kmeans.py found and imported"] == status["2a kmeans"] == "failed"
    assert all(isinstance(test["number"], str) for test in content["tests"] if "number" in test)
    told = [test["output"] for test in content["tests"] if test["name"] == "kmeans.py found and imported"][0]
    assert "ZeroDivisionError" in told and "1 / 0" in told


def test_an_exception_is_told_once_in_a_part(submission, sandbox):
    grade = grading.Grading(submission(backprop=NO_LOG), sandbox).own("1b")
    told = [outcome.reason for outcome in grade.outcomes.values()]
    assert "NotImplementedError at line" in told[0]
    assert len(told) == 3 and all("raised the same exception" in reason for reason in told[1:])


def test_staff_are_told_of_a_librarys_kmeans(sandbox, tmp_path):
    text = """
def kmeans(X, k):
    from scipy.cluster.vq import kmeans2
    centroids, z = kmeans2(X, k, minit="points", iter=200)
    return z, centroids, ((X - centroids[z]) ** 2).sum()
"""
    (tmp_path / "kmeans.py").write_text(text)
    job = grade.Job("student", tmp_path, tmp_path / "out" / "results.json")
    job.grading.sandbox = sandbox
    job.grades["2a"] = job.grading.part("2a")
    row = dict(zip(report.COLUMNS, job.row()))
    assert "no loop" in row["lost"] and "2a: k-means of a library" in row["remarks"]


def test_a_fault_of_the_grader_is_no_zero(submission, sandbox, tmp_path, monkeypatch):
    trials = grading.trials

    def broken(part):
        if part == "1e":
            raise RuntimeError("broken on purpose")
        return trials(part)

    monkeypatch.setattr(grading, "trials", broken)
    job = grade.Job("student", submission(), tmp_path / "results.json")
    job.grade(sandbox)
    (test,) = (test for test in strict(tmp_path / "results.json")["tests"] if test.get("number") == "1e")
    assert "score" not in test and "the grader itself failed" in test["output"]
    assert "1e not graded" in strict(tmp_path / "results.json")["output"]
    row = dict(zip(report.COLUMNS, job.row()))
    assert (
        row["1e"] == row["total"] == ""
        and row["1b"] == str(MAXIMUM["1b"])
        and "broken on purpose" in row["remarks"]
    )
    assert not job.whole()


def forging(folder):
    target = folder / "out" / "student" / "results.json"
    forge = f"""
def forge():
    try:
        with open({str(target)!r}, "w") as file:
            file.write("forged")
    except OSError:
        pass

forge()
if hasattr(os, "fork") and os.fork() == 0:
    import time
    os.setsid()
    while True:
        time.sleep(0.02)
        forge()
"""
    return [[TESTS / "grade.py", submit(folder, backprop=forge), "-o", "out", "--isolation", MODE]]


@pytest.mark.all
def test_results_cannot_be_forged(tmp_path):
    """Neither at once nor later, by a process that was left behind."""
    (result,) = finish(forging(tmp_path), tmp_path)
    assert result.returncode == 0, result.stderr
    results = strict(tmp_path / "out" / "student" / "results.json")
    assert sum(test.get("score", 0) for test in results["tests"]) == TOTAL


def copying(folder):
    other, mine = submit(folder, "other"), folder / "mine"
    (other / "backprop.py").unlink()
    mine.mkdir()
    copy = f"""
names = {{"__name__": "other"}}
exec(open({str(other / "kmeans.py")!r}).read(), names)
globals().update(names)
"""
    (mine / "kmeans.py").write_text(copy, encoding="utf-8")
    return [[TESTS / "grade.py", mine, other, "-o", "out", "--isolation", MODE, "-j", "1"]]


def test_another_submission_cannot_be_read(tmp_path):
    (result,) = finish(copying(tmp_path), tmp_path)
    assert result.returncode == 0, result.stderr
    assert [row["total"] for row in table(tmp_path / "out")] == ["0", str(MAXIMUM["2a"])]


# the command line


def many(folder):
    folders = [submit(folder, "a/one", backprop=NO_LOG), submit(folder, "=1+1", kmeans="\nx = (\n")]
    return [[TESTS / "grade.py", *folders, "-o", "out", "--isolation", MODE, "-j", "1"]]


def test_grades_of_many(tmp_path):
    """Rows in the order given, no formula for a spreadsheet."""
    (result,) = finish(many(tmp_path), tmp_path)
    assert result.returncode == 0 and "2/2" in result.stderr and result.stdout == ""
    assert len([path for path in (tmp_path / "out").rglob("*.*") if path.is_file()]) == 5
    one, formula = table(tmp_path / "out")
    assert list(one) == ["submission", "name", "student ID", *PARTS, "total", "remarks", "lost"]
    assert [one[part] for part in PARTS] == [str(MAXIMUM[part] * (part != "1b")) for part in PARTS]
    assert (one["submission"], one["total"]) == ("one", str(TOTAL - MAXIMUM["1b"]))
    assert "1h 1i 1n" in one["remarks"] and one["lost"].startswith("1b value, gradient")
    assert formula["submission"] == "'=1+1" and formula["total"] == str(TOTAL - MAXIMUM["2a"])
    assert "SyntaxError" in formula["remarks"]


@pytest.mark.all
def test_grading_again_writes_the_same_bytes(tmp_path):
    command = [TESTS / "grade.py", submit(tmp_path), "--isolation", MODE, "-o"]
    finish([[*command, "first"], [*command, "second"]], tmp_path)
    first, second = (
        {str(path.relative_to(tmp_path / out)): path.read_bytes() for path in (tmp_path / out).rglob("*.*")}
        for out in ("first", "second")
    )
    assert first == second and len(first) == 3
    (row,) = table(tmp_path / "first")
    assert [row[part] for part in PARTS] == [str(MAXIMUM[part]) for part in PARTS]
    assert row["total"] == str(TOTAL) and row["remarks"] == row["lost"] == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "out"], "DIR"),
        (["here"], "-o"),
        (["nowhere", "-o", "out"], "nowhere: no such folder"),
        (["here", "-o", "out", "-j", "0"], "-j 0: at least 1"),
        (["here", "-o", "out", "-j", "two"], "two"),
        (["here", "-o", "file/out"], "cannot write"),
        (["here", "here", "--results", "r.json"], "one submission, but there are 2"),
        (["here", "-o", "out", "--isolation", "none"], "none"),
        (["here", "-o", "out", "--frob"], "--frob"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments_are_one_line_and_status_2(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as end:
        grade.main(arguments)
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.startswith("grade.py: error: ") and says in error
    assert error.count("\n") == 1 and not (tmp_path / "out").exists()


def pytest_on(folder, *arguments):
    """The command; it is run in another folder, so the project's is named."""
    options = ["--rootdir", ROOT, "-p", "no:cacheprovider"]
    return ["-m", "pytest", TESTS, "--submission", folder, *options, *arguments]


def graded_by_pytest(where):
    folder = submit(where)
    (folder / "backprop.py").unlink()
    (folder / "conftest.py").write_text("raise SystemExit('imported')")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --nothing")
    (folder / "test_mine.py").write_text("def test_mine():\n    assert False")
    return [pytest_on(folder)]


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name != "posix", reason="needs symbolic links")
@pytest.mark.parametrize("inside", sample([False, True], 2), ids=["another's", "its own"])
def test_a_script_that_is_a_link_gets_no_points(inside, submission, sandbox, tmp_path):
    """Wherever it leads, also to a script that is right; the other script is graded."""
    folder, other = submission(), submission("other")
    (folder / "backprop.py").rename(folder / "mine.py")
    (folder / "backprop.py").symlink_to((folder / "mine.py") if inside else (other / "backprop.py"))
    job = grade.Job("student", folder, tmp_path / "results.json")
    job.grade(sandbox)
    row = dict(zip(report.COLUMNS, job.row()))
    assert [row[part] for part in PARTS] == [str(MAXIMUM[part] * (part == "2a")) for part in PARTS]
    assert "backprop.py is a link, and links are not followed" in row["remarks"]
    assert job.whole()


def test_pytest_grades_a_submission(tmp_path):
    """Points by part at the end, nothing else is collected, no conftest.py of the submission imported."""
    (result,) = finish(graded_by_pytest(tmp_path), tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    passed = len(POINTS["2a"])
    assert f"{len(CHECKS) - passed} failed, {passed} passed" in result.stdout
    assert "1b   0 of " in result.stdout and f"{MAXIMUM['2a']} of {TOTAL}" in result.stdout
    assert "1b value: there is no backprop.py" in result.stdout and "Traceback" not in result.stdout


def pytest_in_three_ways(where):
    folder = submit(where, backprop=NO_LOG)
    stops = pytest_on(folder, "-x", "--tb=line", "-q")
    return [pytest_on(folder, "-k", "1e"), stops, pytest_on(folder / "nowhere")]


@pytest.mark.all
def test_pytest_selects_and_stops_as_it_always_does(tmp_path):
    (selected, stopped, missing) = finish(pytest_in_three_ways(tmp_path), tmp_path)
    assert selected.returncode == 0
    assert stopped.returncode == 1 and "1 failed" in stopped.stdout and "passed" not in stopped.stdout
    assert (
        missing.returncode == 4 and "no such folder" in missing.stderr and "Traceback" not in missing.stderr
    )


# the package


def made_unpacked_graded(folder):
    archive, source, results = (
        folder / "autograder.zip",
        folder / "source",
        folder / "results" / "results.json",
    )
    place = submit(folder)
    (place / "backprop.py").unlink()
    grades = [source / "tests" / "grade.py", place, "--results", results, "--isolation", MODE]
    return [[TESTS / "gradescope" / "make_zip.py", archive], ["-m", "zipfile", "-e", archive, source], grades]


def test_the_zip_grades_where_it_is_unpacked(tmp_path):
    (made, _, graded) = finish(made_unpacked_graded(tmp_path), tmp_path)
    assert made.returncode == 0 and made.stdout.endswith(f"type into Gradescope: {TOTAL}\n")
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert graded.returncode == 0, graded.stderr
    results = strict(tmp_path / "results" / "results.json")
    assert sum(test.get("score", 0) for test in results["tests"]) == MAXIMUM["2a"]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [(["--help"], 0, "usage: make_zip.py"), (["--frob"], 2, "--frob"), (["no/where.zip"], 2, "cannot write")],
    ids=["help", "option", "folder"],
)
def test_the_zip_is_asked_for_as_any_command_is(arguments, status, says, tmp_path):
    command = [sys.executable, TESTS / "gradescope" / "make_zip.py", *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == status and says in result.stdout + result.stderr
    assert (status == 0 or result.stderr.count("\n") == 1) and not list(tmp_path.iterdir())


def test_the_zip_asks_for_a_numpy_that_stores_one_element_arrays():
    with open(ROOT / "requirements.txt", encoding="utf-8") as file:
        text = file.read()
    assert "numpy>=1.26,<2.4" in text and "one-element" in text


# the comparison


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Final loss=0.0138", [0.0138]),
        ("[-1.5e-08  2.]", [-1.5e-08, 2]),
        ("np.float64(2.5), array([3., 4], dtype=float32)", [2.5, 3, 4]),
        ("x1=7 layer2.5", [7]),
        ("nan inf 1e999 1e-999", []),
    ],
    ids=["words", "array", "repr", "names", "none"],
)
def test_numbers_are_found_in_text(text, numbers):
    assert compare.printed(text)[:, 0].tolist() == numbers


def test_printed_numbers_match_to_the_digits_that_were_printed():
    assert len(compare.near(compare.printed("2.0593630"), 2.0593629889, 1e-9))
    assert not len(compare.near(compare.printed("2.06"), 2.0593629889, 1e-9))  # too few to be evidence
    assert not len(compare.near(compare.printed("2.0593730"), 2.0593629889, 1e-9))


def seen(value):
    from grader.actions import plain

    return limits.Seen(json.loads(json.dumps(plain(value))))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((2, 3)), None),
        (np.zeros((2, 3), np.float32), None),
        ([[0, 0, 0], [0, 0, 0]], None),
        (np.zeros((3, 2)), "this is the transpose"),
        (np.full((2, 3), np.nan), "finite"),
        (np.ones((2, 3)), "this is one"),
        (np.full((2, 3), "0"), "came ndarray"),
        (None, "came NoneType"),
        ([[0, 0, 0], [0, 0]], "came list"),
        (np.zeros((2, 3), complex), "came ndarray"),
        (np.zeros((2000, 1000)), r"came ndarray of shape \(2000, 1000\)"),
    ],
    ids=[
        *("array", "float32", "list", "transpose", "nan", "known", "strings", "none", "ragged", "complex"),
        "huge",
    ],
)
def test_values_are_compared_by_shape_then_kind_then_number(value, says):
    if says is None:
        compare.require("x", seen(value), np.zeros((2, 3)))
    else:
        with pytest.raises(compare.Wrong, match=says):
            compare.require("x", seen(value), np.zeros((2, 3)), [("this is one", np.ones((2, 3)))])


def test_hidden_inputs_are_shown_too_coarsely_to_be_copied():
    assert compare.show(np.array([1.23456789, -0.000123456])) == "[1.23, -0.000123]"
    texts = [text for part in PARTS for trial in grading.trials(part) for text in trial.texts]
    assert not [text for text in texts if compare.re.search(r"\d\.0*[1-9]\d{4}", text)]


def test_the_nodes_that_are_lent_are_as_the_starter_gives_them():
    """No copy, no check, no reset; nothing but nodes and a descent."""
    given = np.array([1, 2])
    node = lent.InputNode(given, [])
    output = lent.DotNode(node, lent.InputNode(np.array([3.0, 4.0]), node.topo_order))
    output.compute_grad()
    output.compute_grad()
    assert node.value is given and node.grad.tolist() == [6, 8]
    defined = {name for name, item in vars(lent).items() if getattr(item, "__module__", "") == lent.__name__}
    assert defined == {"Node", "gradient_descent", *NODES}


def test_every_submission_gets_the_same_inputs():
    for part in PARTS:
        again = grading.TRIALS[part](part)
        assert [trial.steps for trial in grading.trials(part)] == [trial.steps for trial in again]
    assert checks.generator("a").random() != checks.generator("b").random()
