"""Grade submissions: python3 tests/grade.py DIR [DIR ...] -o grades/

Each DIR holds one submission, backprop.py and kmeans.py. Writes grades.csv, a row for each, and for each a
folder with its results.json. Exit status: 0 if every submission was graded, 1 if the grader failed somewhere,
2 for bad arguments.
"""

import argparse
import csv
import os
import queue
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grader import report  # noqa: E402
from grader.grading import Grading, trials  # noqa: E402
from grader.limits import Sandbox  # noqa: E402
from grader.points import PARTS, TOTAL  # noqa: E402


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line and exit status 2 (argparse would print the usage before it)."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def grade(folder, target, sandbox):
    """Grade one submission; results.json is there from the start and complete after every part."""
    grading, done = Grading(folder, sandbox), {}
    report.write(target, report.results(grading, done, sandbox.note))
    for part in PARTS:
        done[part] = grading.part(part)
        report.write(target, report.results(grading, done, sandbox.note))
    return grading, list(done.values())


def worker(waiting, finished, options):
    """Grade what is waiting until nothing is; a worker has a sandbox of its own."""
    sandbox = Sandbox(**options)
    try:
        while True:
            name, folder, target = waiting.get_nowait()
            try:
                finished.put((name, *grade(folder, target, sandbox), sandbox.note))
            except Exception as error:
                finished.put((name, None, error, sandbox.note))
    except queue.Empty:
        sandbox.close()


def grade_all(submissions, output, jobs, options):
    """Grade all submissions, name to folder, and return their rows in order, and whether all were graded."""
    waiting, finished, rows, whole = queue.Queue(), queue.Queue(), {}, True
    for part in PARTS:  # the hidden inputs are drawn once, before the workers start
        trials(part)
    for name, folder in submissions.items():
        (output / name).mkdir(parents=True, exist_ok=True)
        waiting.put((name, folder, output / name / "results.json"))
    for _ in range(min(jobs, len(submissions))):
        threading.Thread(target=worker, args=(waiting, finished, options), daemon=True).start()
    for count in range(1, len(submissions) + 1):
        name, grading, grades, note = finished.get()
        if grading is None:
            rows[name], whole = [report.plain(name), *[""] * (len(PARTS) + 1), f"not graded: {grades}"], False
        else:
            rows[name] = report.row(name, grading, grades)
            whole &= not any(g.fault for g in grades)
        print(
            f"{count}/{len(submissions)} {name}: {rows[name][-2] or 0} of {TOTAL}",
            file=sys.stderr,
            flush=True,
        )
    print(note, file=sys.stderr) if note else None
    return [rows[name] for name in submissions], whole


def named(folders):
    """Each folder under its name; where two have the same, the folders above come before it."""
    submissions = {}
    for folder in dict.fromkeys(Path(folder).resolve() for folder in folders):
        parts, count = folder.parts, 1
        name = parts[-1] or "root"
        while name in submissions:
            count += 1
            name = "-".join(parts[-count:]) if count < len(parts) else f"{parts[-1]}-{count}"
        submissions[name] = folder
    return submissions


def main(argv=None):
    parser = Parser(prog="grade.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "folder", nargs="+", metavar="DIR", help="a submission: the folder with its two files"
    )
    parser.add_argument(
        "-o", "--output", required=True, type=Path, help="the folder for grades.csv and results.json"
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=os.cpu_count() or 1, help="submissions at the same time"
    )
    parser.add_argument(
        "--isolation", choices=["user", "fork", "spawn"], default=os.environ.get("GRADER_ISOLATION", "user")
    )
    args = parser.parse_args(argv)
    for folder in args.folder:
        if not os.path.isdir(folder):
            parser.error(f"{folder}: no such folder")
    if args.jobs < 1:
        parser.error(f"-j {args.jobs}: at least 1 submission at a time")
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"cannot make {args.output}: {error.strerror}")
    submissions = named(args.folder)
    options = {"isolation": args.isolation, "hidden": [*submissions.values(), args.output.resolve()]}
    rows, whole = grade_all(submissions, args.output, args.jobs, options)
    with open(args.output / "grades.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([report.COLUMNS, *rows])
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
