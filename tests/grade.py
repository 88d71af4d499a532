"""Grade submissions: python3 tests/grade.py DIR [DIR ...] -o grades/

Each DIR holds one submission, backprop.py and kmeans.py. Writes grades.csv, a row for each, and for each a
folder with its results.json. Exit status: 0 if every submission was graded, 1 if the grader failed somewhere,
2 for bad arguments.
"""

import argparse
import os
import queue
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grader import report  # noqa: E402
from grader.grading import Grading, trials  # noqa: E402
from grader.limits import MODES, Sandbox  # noqa: E402
from grader.parts import PARTS, TOTAL  # noqa: E402


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line and exit status 2 (argparse would print the usage before it)."""
        self.exit(2, f"{self.prog}: error: {message}\n")


class Job:
    """One submission: its name, its folder, where its results go, and what is known of it so far."""

    def __init__(self, name, folder, target):
        self.name, self.folder, self.target = name, folder, target
        self.grading, self.grades, self.fault = Grading(folder), {}, ""
        self.write()

    def write(self, note=""):
        report.write(self.target, report.results(self.grading, self.grades, note))

    def grade(self, sandbox):
        """Grade part by part; the results are complete after each."""
        self.grading.sandbox = sandbox
        for part in PARTS:
            self.grades[part] = self.grading.part(part)
            self.write(sandbox.note)

    def row(self):
        return report.row(self.name, self.grading, list(self.grades.values()), self.fault)

    def whole(self):
        return not self.fault and not any(grade.fault for grade in self.grades.values())


def worker(waiting, finished, options):
    """Grade what is waiting until nothing is; a worker has a sandbox of its own."""
    sandbox = None
    while not waiting.empty():
        job = waiting.get()
        try:
            sandbox = sandbox or Sandbox(**options)
            job.grade(sandbox)
        except Exception as error:
            job.fault = f"{type(error).__name__}: {error}"
        finished.put((job, sandbox.note if sandbox else ""))
    if sandbox:
        sandbox.close()


def grade_all(jobs, workers, options):
    """Grade all; say on stderr how far it is."""
    waiting, finished, notes = queue.Queue(), queue.Queue(), set()
    for part in PARTS:  # the hidden inputs are drawn once, before the workers start
        trials(part)
    for job in jobs:
        waiting.put(job)
    for _ in range(min(workers, len(jobs))):
        threading.Thread(target=worker, args=(waiting, finished, options), daemon=True).start()
    for count in range(1, len(jobs) + 1):
        job, note = finished.get()
        notes.add(note)
        total = job.row()[-2]
        text = f"{total} of {TOTAL}" if job.whole() else f"not graded: {job.row()[-1]}"
        print(f"{count}/{len(jobs)} {job.name}: {text}", file=sys.stderr, flush=True)
    for note in filter(None, notes):
        print(f"note: {note}", file=sys.stderr)


def named(folders):
    """Each folder under its name; where two have the same, the folders above come before it."""
    submissions = {}
    for folder in dict.fromkeys(Path(folder).resolve() for folder in folders):
        parts, count = folder.parts, 1
        name = parts[-1].strip("/") or "root"
        while name in submissions:
            count += 1
            name = "-".join(parts[-count:]) if count < len(parts) else f"{parts[-1]}-{count}"
        submissions[name] = folder
    return submissions


def parse(argv):
    parser = Parser(prog="grade.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "folder", nargs="+", metavar="DIR", help="a submission: the folder with its two files"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--output", type=Path, help="the folder for grades.csv and the results.json")
    where.add_argument(
        "--results", type=Path, metavar="FILE", help="write only this file, for one submission"
    )
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    mode = os.environ.get("GRADER_ISOLATION", "user")
    parser.add_argument("--isolation", choices=MODES, default=mode, help="see the README; default user")
    args = parser.parse_args(argv)
    for folder in args.folder:
        if not os.path.isdir(folder):
            parser.error(f"{folder}: no such folder")
    if args.jobs < 1:
        parser.error(f"-j {args.jobs}: at least 1 submission at a time")
    if args.results and len(args.folder) > 1:
        parser.error(f"--results is for one submission, but there are {len(args.folder)}")
    if args.isolation not in MODES:
        parser.error(f"GRADER_ISOLATION={args.isolation}: it must be one of {', '.join(MODES)}")
    return parser, args


def prepare(args):
    """The jobs; each has its results.json already."""
    submissions = named(args.folder)
    jobs = []
    for name, folder in submissions.items():
        target = args.results or args.output / name / "results.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        jobs.append(Job(name, folder, target))
    return jobs


def main(argv=None):
    parser, args = parse(argv)
    try:
        jobs = prepare(args)
        hidden = [*(job.folder for job in jobs), (args.output or args.results.parent).resolve()]
        grade_all(jobs, args.jobs, {"isolation": args.isolation, "hidden": hidden})
        if args.output:
            report.write_table(args.output / "grades.csv", [job.row() for job in jobs])
    except OSError as error:
        parser.error(f"cannot write {error.filename}: {error.strerror}")
    return 0 if all(job.whole() for job in jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
