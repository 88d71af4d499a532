"""Grade submissions: python3 tests/grade.py CLASS/* -o grades/

Each submission is a folder, or a .zip as it was downloaded, with backprop.py and kmeans.py. Writes grades.csv
with a row for each, and a folder for each with results.json and report.txt. What is there is kept. Exit
status: 0 if every submission was graded, 1 if the grader failed, 2 for bad arguments, 130 after Ctrl-C.
"""

import argparse
import contextlib
import os
import queue
import signal
import sys
import threading
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grader import report, roster  # noqa: E402
from grader.grading import Grading, trials  # noqa: E402
from grader.limits import MODES, Sandbox, Stopped  # noqa: E402
from grader.parts import PARTS, TOTAL  # noqa: E402


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line and exit status 2 (argparse would print the usage before it)."""
        self.exit(2, f"{self.prog}: error: {message}\n")


class Job:
    """One submission: its name, where it is, where its results go, and what is known of it so far."""

    def __init__(self, name, place, target):
        self.name, self.place, self.target = name, place, target
        self.grading, self.grades, self.fault, self.begun = Grading(place), {}, "", False
        self.more = {"from": str(place)} if name else None

    def write(self, note=""):
        self.target.parent.mkdir(parents=True, exist_ok=True)
        report.write(self.target, report.results(self.grading, self.grades, note, self.more))

    def grade(self, sandbox):
        """Grade part by part; the results are complete after each."""
        self.grading.sandbox, self.begun = sandbox, True
        for part in PARTS:
            self.write(sandbox.note)
            self.grades[part] = self.grading.part(part)
        self.write(sandbox.note)
        if self.name:
            lines = report.letter(self.name, self.grading, self.grades)
            report.replace(self.target.with_name("report.txt"), "\n".join([*lines, ""]))

    def row(self):
        grades = list(self.grades.values())
        return report.row(self.name, roster.person(self.place), self.grading, grades, self.fault)

    def whole(self):
        return not self.fault and not any(grade.fault for grade in self.grades.values())


class Workers:
    """Grade the jobs, several at a time; a worker has a sandbox of its own."""

    def __init__(self, jobs, count, options):
        self.waiting, self.finished, self.stopping = queue.Queue(), queue.Queue(), threading.Event()
        self.options = options | {"stopping": self.stopping}
        for part in PARTS:  # the hidden inputs are drawn once, before the workers start
            trials(part)
        for job in jobs:
            self.waiting.put(job)
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(min(count, len(jobs)))]
        for thread in self.threads:
            thread.start()

    def work(self):
        sandbox = None
        with contextlib.suppress(queue.Empty, Stopped):
            while True:
                job = self.waiting.get_nowait()
                try:
                    sandbox = sandbox or Sandbox(**self.options)
                    job.grade(sandbox)
                except Exception as error:
                    job.fault = f"{type(error).__name__}: {error}"
                self.finished.put((job, sandbox.note if sandbox else ""))
        if sandbox:
            sandbox.close()

    def next(self):
        """The next job that is finished; where a wait cannot be interrupted, Ctrl-C is seen between two."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self.finished.get(timeout=0.5)

    def stop(self):
        """End all runs that are under way."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Table:
    """grades.csv: the rows that were there, in their order, then the new ones as they were given."""

    def __init__(self, path, jobs):
        self.path, self.rows = path, report.read_table(path) if path else {}
        self.order = list(dict.fromkeys([*self.rows, *(report.plain(job.name) for job in jobs)]))

    def add(self, job):
        self.rows[report.plain(job.name)] = job.row()
        self.write()

    def drop(self, job):
        if self.rows.pop(report.plain(job.name), None):
            self.write()

    def write(self):
        if self.path:
            report.write_table(self.path, [self.rows[name] for name in self.order if name in self.rows])


def grade_all(jobs, table, workers):
    """Add all to the table; say on stderr how far it is."""
    notes = set()
    try:
        for count in range(1, len(jobs) + 1):
            job, note = workers.next()
            notes.add(note)
            table.add(job)
            row = dict(zip(report.COLUMNS, job.row()))
            text = f"{row['total']} of {TOTAL}" if job.whole() else f"not graded: {row['remarks']}"
            print(f"{count}/{len(jobs)} {job.name or job.place.name}: {text}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        for name in ("SIGINT", "SIGTERM"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        workers.stop()
        for job in jobs:
            if job.begun and len(job.grades) < len(PARTS):
                table.drop(job)
        raise
    for note in filter(None, notes):
        print(f"note: {note}", file=sys.stderr)


def parse(argv):
    parser = Parser(prog="grade.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "place", nargs="+", metavar="DIR", help="a submission: a folder or a .zip with its two files"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--output", type=Path, help="the folder for grades.csv and the reports")
    where.add_argument(
        "--results", type=Path, metavar="FILE", help="write only this file, for one submission"
    )
    parser.add_argument("--resume", action="store_true", help="grade only what has no complete results in -o")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    mode = os.environ.get("GRADER_ISOLATION", "user")
    parser.add_argument("--isolation", choices=MODES, default=mode, help="see the README; default user")
    args = parser.parse_args(argv)
    for place in args.place:
        if not os.path.lexists(place):
            parser.error(f"{place}: no such folder")
    if args.jobs < 1:
        parser.error(f"-j {args.jobs}: at least 1 submission at a time")
    if args.results and len(args.place) > 1:
        parser.error(f"--results is for one submission, but there are {len(args.place)}")
    if args.resume and args.results:
        parser.error("--resume goes with -o, not with --results")
    if args.isolation not in MODES:
        parser.error(f"GRADER_ISOLATION={args.isolation}: it must be one of {', '.join(MODES)}")
    return parser, args


def submissions(args):
    """Those of the arguments that are submissions; a line for each of the others."""
    found = []
    for place in dict.fromkeys(Path(os.path.abspath(place)) for place in args.place):
        why = no_submission(place, args.output and args.output.resolve())
        if why:
            print(f"note: passed over {place.name}: {why}", file=sys.stderr)
        else:
            found.append(place)
    return found


def no_submission(place, output):
    """Why it is none; nothing if it is one."""
    if place.is_dir():
        if output and (output == place.resolve() or report.holds_grades(place)):
            return "it holds grades"
        return "it is no submission's" if place.name == "__MACOSX" or place.name[0] == "." else ""
    return "" if place.is_file() and place.suffix.lower() == ".zip" else "neither a folder nor a .zip"


def named(places, output):
    """name -> submission. A name depends on its folder alone; ValueError if two would have the same."""
    names = {}
    for place in places:
        name = (place.stem if place.is_file() else place.name) or "root"
        key = unicodedata.normalize("NFC", name).casefold()  # one folder, where the system knows no case
        known = (output and report.complete(output / name / "results.json")[0]) or str(place)
        other = names[key][1] if key in names else known
        if str(other) != str(place) or key == "grades.csv":
            raise ValueError(
                f"{place} and {other} would both be {output / name}: rename one, or grade it into another -o"
            )
        names[key] = (name, place)
    return dict(names.values())


def prepare(args):
    """The jobs, and the table. All that is to be written is tried before the work begins."""
    places = submissions(args)
    if not places:
        raise ValueError("there is no submission among these: a submission is a folder or a .zip")
    if args.results:
        jobs = [Job("", places[0], args.results)]
    else:
        made = named(places, args.output)
        args.output.mkdir(parents=True, exist_ok=True)
        jobs = [Job(name, place, args.output / name / "results.json") for name, place in made.items()]
    table = Table(args.output and args.output / "grades.csv", jobs)
    table.write()
    done = [job for job in jobs if args.resume and is_done(job, table)]
    jobs = [job for job in jobs if job not in done]
    for job in jobs:
        if args.results or not job.target.exists():
            job.write()
    if done:
        print(f"note: {len(done)} have complete results and are kept", file=sys.stderr)
    return jobs, table


def is_done(job, table):
    return report.plain(job.name) in table.rows and report.complete(job.target)[1]


def main(argv=None):
    parser, args = parse(argv)
    before = signal.getsignal(signal.SIGINT), signal.signal(signal.SIGTERM, interrupt)
    try:
        jobs, table = prepare(args)
        hidden = [*(job.place.resolve() for job in jobs), (args.output or args.results.parent).resolve()]
        options = {"isolation": args.isolation, "hidden": hidden}
        grade_all(jobs, table, Workers(jobs, args.jobs, options))
    except KeyboardInterrupt:
        print("grade.py: interrupted; what is finished is kept, --resume goes on", file=sys.stderr)
        return 130
    except (ValueError, report.Foreign) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot write {error.filename}: {error.strerror}")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    return 0 if all(job.whole() for job in jobs) else 1


def interrupt(number, frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
