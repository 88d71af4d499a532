"""What staff have is what the grader takes; what is there is kept."""

import csv
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import grade
import pytest
from grader import found, report, roster
from pace import sample

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {name: (ROOT / name).read_bytes() for name in found.SCRIPTS}
BACKPROP = SCRIPTS["backprop.py"]
METADATA = """---
submission_1:
  :submitters:
  - :name: Ada Example
    :sid: '0123'
    :email: ada@example.org
  - :name: 'Ben O''Example'
    :sid: 124
  :created_at: 2025-11-25 10:00:00.000000000 Z
  :score: 3.0
  :results:
    :tests:
    - :name: no student
"submission_2":
  :submitters:
  - :name: "=HYPERLINK(\\"x\\")"
    :sid:
  :history: []
"""


def place(folder, files):
    """Write files, name -> content."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def packed(files, method=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(
                name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), content, method
            )
    return data.getvalue()


def link():
    info = zipfile.ZipInfo("backprop.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def table(output):
    with open(output / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


# what staff have


@pytest.mark.parametrize(
    ("files", "remark"),
    [
        ({"backprop.py": BACKPROP}, ""),
        ({"hw3/backprop.py": BACKPROP}, "backprop.py was found in hw3/"),
        ({"Backprop.py": BACKPROP}, "Backprop.py was taken for backprop.py"),
        ({"backprop (1).py": BACKPROP}, "backprop (1).py was taken for backprop.py"),
        ({"backprop-2.py": BACKPROP}, "backprop-2.py was taken for backprop.py"),
        ({"name_12345_67890_backprop.py": BACKPROP}, "was taken for backprop.py"),
        ({"backprop.py": BACKPROP, "backprop-2.py": b"x"}, "not looked at: backprop-2.py"),
        ({"backprop.py": b"import helper\n" + BACKPROP, "helper.py": b""}, "helper.py is not carried"),
        ({"hw3.zip": packed({"backprop.py": BACKPROP})}, "unpacked from hw3.zip"),
        ({"hw3.zip": packed({"hw3.zip": packed({"backprop.py": BACKPROP})})}, "unpacked from hw3.zip"),
    ],
    ids=["plain", "below", "case", "copy", "second", "canvas", "both", "helper", "zip", "zip in zip"],
)
def test_a_script_is_found_and_a_remark_says_where(files, remark, tmp_path):
    script = found.scripts(place(tmp_path, files))["backprop.py"]
    assert script.problem == "" and script.data == files.get("backprop.py", BACKPROP)
    assert remark in script.remark and bool(remark) == bool(script.remark)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "there is no backprop.py"),
        ({"Backprop.py": b"x", "backprop-2.py": b"y"}, "several backprop.py: Backprop.py, backprop-2.py"),
        ({"a/backprop.py": b"x", "b/backprop.py": b"y"}, "several backprop.py: a/backprop.py, b/backprop.py"),
        ({"backprop.py": b" \n"}, "backprop.py is empty"),
        ({"backprop.py": b'{"cells": [], "nbformat": 4}'}, "is a notebook saved under this name"),
        ({"backprop.ipynb": b"{}"}, "only backprop.ipynb: export the notebook"),
        ({"backprop.py/x.txt": b""}, "backprop.py is a folder"),
        ({"hw3.zip": b"PK, but no more"}, "cannot be read: it is no archive"),
    ],
    ids=["nothing", "two", "two below", "empty", "notebook", "ipynb", "folder", "no zip"],
)
def test_why_there_is_no_script_is_said(files, problem, tmp_path):
    script = found.scripts(place(tmp_path, files))["backprop.py"]
    assert script.data == b"" and problem in script.problem


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "backprop.py")
    assert "a pipe" in found.scripts(tmp_path)["backprop.py"].problem


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"backprop.py": BACKPROP}, ""),
        ({"hw3/backprop.py": BACKPROP, "__MACOSX/hw3/backprop.py": b"x"}, "found in hw3/"),
        ({"hw3\\backprop.py": BACKPROP}, "found in hw3/"),
        ({"../../backprop.py": BACKPROP}, "found in ../../"),
        ({"backprop.py": bytes(3_000_000)}, "larger than 2,000,000 bytes"),
        ({link(): "kmeans.py"}, "is a link"),
        (dict.fromkeys(map(str, range(found.ENTRIES + 1)), ""), "20,000 files"),
    ],
    ids=["plain", "macos", "windows", "outside", "bomb", "link", "many"],
)
def test_an_archive_is_a_submission(files, says, tmp_path):
    before = place(tmp_path / "class", {"ada_12345_67890_hw3.zip": packed(files)})
    script = found.scripts(before / "ada_12345_67890_hw3.zip")["backprop.py"]
    assert script.data == (BACKPROP if BACKPROP in files.values() else b"")
    assert says in script.problem + script.remark
    assert [path.name for path in tmp_path.rglob("*.*")] == ["ada_12345_67890_hw3.zip"]


@pytest.mark.parametrize(
    ("method", "flag", "says"),
    [(zipfile.ZIP_LZMA, 0, "packed by a method"), (zipfile.ZIP_STORED, 1, "locked with a password")],
)
def test_an_archive_that_is_not_read_says_why(method, flag, says, tmp_path):
    data = bytearray(packed({"backprop.py": BACKPROP}, method))
    data[data.rindex(b"PK\1\2") + 8] |= flag
    (tmp_path / "hw3.zip").write_bytes(data)
    assert says in found.scripts(tmp_path / "hw3.zip")["backprop.py"].problem


def test_the_names_of_an_export(tmp_path):
    (tmp_path / roster.FILE).write_text(METADATA)
    assert roster.person(tmp_path / "submission_1") == ("Ada Example; Ben O'Example", "0123; 124")
    assert roster.person(tmp_path / "submission_2") == ('=HYPERLINK("x")', "")
    assert roster.person(tmp_path / "submission_3") == ("", "")
    assert roster.person(tmp_path / "nowhere" / "submission_1") == ("", "")


@pytest.fixture
def graded(tmp_path, monkeypatch, capsys):
    """Call the grader in a folder. Nothing is run, as no script here can be, and no server is started."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            status = grade.main([*map(str, arguments), "-j", "1", "--isolation", "spawn"])
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().err

    return run


EMPTY = {"backprop.py": b"", "kmeans.py": b""}  # nothing of it is run, so this is quick


def test_an_export_is_taken_as_it_is(graded, tmp_path):
    place(tmp_path, {"class/submission_1/backprop.py": b"", "class/submission_2/kmeans.py": b""})
    place(tmp_path, {f"class/{roster.FILE}": METADATA, "class/ben_1_2_hw3.zip": packed(EMPTY)})
    status, said = graded(*sorted(Path("class").iterdir()), "-o", "class/grades")
    assert status == 0 and f"passed over {roster.FILE}: neither a folder nor a .zip" in said
    rows = table(tmp_path / "class" / "grades")
    assert rows["submission_1"]["name"] == "Ada Example; Ben O'Example"
    assert rows["submission_2"]["name"] == '\'=HYPERLINK("x")'
    assert list(rows) == ["ben_1_2_hw3", "submission_1", "submission_2"] and rows["ben_1_2_hw3"]["name"] == ""
    assert "backprop.py is empty" in rows["submission_1"]["remarks"]
    report_text = (tmp_path / "class/grades/submission_1/report.txt").read_text()
    assert "backprop.py is empty" in report_text and "{" not in report_text
    status, said = graded(*sorted(Path("class").iterdir()), "-o", "class/grades")
    assert status == 0 and "passed over grades: it holds grades" in said
    assert list(table(tmp_path / "class" / "grades")) == list(rows)


# what is there is kept


def test_a_late_submission_replaces_its_own_row_only(graded, tmp_path):
    place(tmp_path, {f"class/{name}/backprop.py": b"" for name in ("ada", "ben")})
    graded("class/ada", "class/ben", "-o", "out")
    others = {path: path.read_bytes() for path in (tmp_path / "out" / "ada").iterdir()}
    (tmp_path / "class/ben/kmeans.ipynb").touch()
    place(tmp_path, {"class/carl/backprop.py": b""})
    assert graded("class/ben", "class/carl", "-o", "out")[0] == 0
    rows = table(tmp_path / "out")
    assert list(rows) == ["ada", "ben", "carl"] and "only backprop.py, kmeans.ipynb" in rows["ben"]["remarks"]
    assert others == {path: path.read_bytes() for path in (tmp_path / "out" / "ada").iterdir()}


def test_two_of_one_name_are_refused_in_this_call_or_an_earlier_one(graded, tmp_path):
    place(tmp_path, {f"{name}/backprop.py": b"" for name in ("a/ada", "b/Ada", "c/ada")})
    status, said = graded("a/ada", "b/Ada", "-o", "out")
    assert status == 2 and "a/ada" in said and "b/Ada" in said and not (tmp_path / "out").exists()
    assert graded("a/ada", "-o", "out")[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    status, said = graded("c/ada", "-o", "out")
    assert status == 2 and said.count("\n") == 1 and "a/ada" in said and "c/ada" in said
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}


def test_a_run_goes_on_where_it_stopped(graded, tmp_path):
    place(tmp_path, {f"{name}/backprop.py": b"" for name in ("ada", "ben", "carl")})
    graded("ada", "ben", "-o", "out")
    (tmp_path / "out/ben/results.json").unlink()
    _, said = graded("ada", "ben", "carl", "-o", "out", "--resume")
    assert "1 have complete results" in said and "2/2 carl" in said and "ada" not in said
    assert list(table(tmp_path / "out")) == ["ada", "ben", "carl"]


@pytest.mark.parametrize("there", ["a,b\n1,2\n", None], ids=["another table", "a folder"])
def test_a_table_that_cannot_be_written_is_said_before_the_work(there, graded, tmp_path):
    place(tmp_path, {"ada/backprop.py": b""})
    (tmp_path / "out").mkdir()
    if there:
        (tmp_path / "out/grades.csv").write_text(there)
    else:
        (tmp_path / "out/grades.csv").mkdir()
    status, said = graded("ada", "-o", "out")
    assert status == 2 and "grades.csv" in said and said.count("\n") == 1 and "1/1" not in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["grades.csv"]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
@pytest.mark.parametrize("number", sample([signal.SIGINT, signal.SIGTERM], 2), ids=["Ctrl-C", "SIGTERM"])
def test_what_is_finished_is_kept_when_grading_is_interrupted(number, tmp_path):
    place(
        tmp_path,
        {"ada/backprop.py": b"", "ben/backprop.py": b"while True:\n    pass\n", "carl/kmeans.py": b""},
    )
    command = [sys.executable, ROOT / "tests/grade.py", "ada", "ben", "carl", "-o", "out", "-j", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("1/3 ada: 0 of")
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 130 and said.count("\n") == 1 and "interrupted" in said
    assert list(table(tmp_path / "out")) == ["ada"]
    for name, whole in (("ada", True), ("ben", False), ("carl", False)):
        path = tmp_path / "out" / name / "results.json"
        assert (name, report.complete(path)[1]) == (name, whole)
        assert ("grading ended before" in path.read_text()) != whole
