"""Grades one submission: finds its files, runs the trials of each part, gathers the outcomes of checks."""

import functools
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from . import clusters, gradients, models, nodes, reference
from .actions import NODES
from .checks import Outcome, in_words, judge
from .limits import ROOT
from .parts import FILES, ON_NODES, PARTS, POINTS, SECONDS

JUDGES = {
    "nodes": nodes.trials,
    "gradients": gradients.trials,
    "models": models.trials,
    "clusters": clusters.trials,
}
TRIALS = {part: JUDGES[row.judged_by] for part, row in PARTS.items()}
SCRIPTS = ("backprop.py", "kmeans.py")
LARGEST = 2_000_000  # bytes of a script


@functools.cache
def trials(part):
    """The trials of a part; the same for every submission."""
    return TRIALS[part](part)


@dataclass
class Script:
    """One of the two files as it was found: its bytes, or the reason why there are none, and a remark."""

    data: bytes = b""
    problem: str = ""
    remark: str = ""


@dataclass
class PartGrade:
    """The outcome of each check of a part; `fault` if the grader failed, and nothing is known."""

    part: str
    outcomes: dict = field(default_factory=dict)
    fault: str = ""

    @property
    def score(self):
        return sum(POINTS[self.part][name] for name, outcome in self.outcomes.items() if outcome.passed)


class Grading:
    """The grades of one submission, each part when it is first asked for."""

    def __init__(self, folder, sandbox=None):
        self.folder, self.sandbox = Path(folder), sandbox
        self.scripts = {name: find(self.folder, name) for name in SCRIPTS}
        self.grades, self.problems = {}, {}

    def part(self, part):
        if part not in self.grades:
            try:
                self.grades[part] = PartGrade(part, self.outcomes(part))
            except Exception:
                self.grades[part] = PartGrade(part, fault=traceback.format_exc())
        return self.grades[part]

    def all(self):
        return [self.part(part) for part in PARTS]

    def outcomes(self, part):
        problem = self.problem(FILES[part])
        if problem:
            return {name: Outcome(False, problem) for name in POINTS[part]}
        found = {}
        for trial in trials(part):
            found.update(self.trial(trial))
        return {name: found[name] for name in POINTS[part]}

    def trial(self, trial):
        """With the submission's own nodes; where that fails and nodes are another part, the reference's."""
        outcomes = judge(trial, self.run(trial, []))
        if trial.part in ON_NODES and not all(outcome.passed for outcome in outcomes.values()):
            again = judge(trial, self.run(trial, [replacement(trial.part)]))
            remark = "passed with the reference's other parts in the place of yours; with yours: "
            for name, outcome in again.items():
                if outcome.passed and not outcomes[name].passed:
                    outcomes[name] = Outcome(True, remark=remark + outcomes[name].reason)
        return outcomes

    def run(self, trial, before):
        steps = [["load", {}], *before]
        run = self.execute(trial.script, steps + trial.steps, SECONDS[trial.part])
        run.results = run.results[len(steps) :]
        return run

    def execute(self, script, steps, seconds):
        files = {name: found.data for name, found in self.scripts.items() if not found.problem}
        return self.sandbox.run(script, data_files() | files, steps, seconds)

    def problem(self, script):
        """Why no part of the script can be graded; nothing if it can. It is imported once to know."""
        if script not in self.problems:
            self.problems[script] = self.scripts[script].problem or self.imported(script)
        return self.problems[script]

    def known(self, script):
        """The problem as far as it is known: None if nobody has looked."""
        return self.problems.get(script, self.scripts[script].problem or None)

    def imported(self, script):
        run = self.execute(script, [["load", {}]], SECONDS["import"])
        if not run.results:
            return f"{script} cannot be imported: {run.end or 'it ended Python itself'}"
        error = run.results[0].error
        return f"{script} cannot be imported: it {in_words(error)}" if error else ""


def replacement(part):
    """The step that puts the reference's nodes, and for 1n its descent, in the place of the submission's."""
    more = ("gradient_descent",) if part == "1n" else ()
    return ["replace", {"source": reference.source(more), "names": [*NODES, *more]}]


def find(folder, name):
    """The script in the folder, or the only one of its name below it."""
    path, remark = folder / name, ""
    if not ordinary(path):
        below = sorted(p for p in folder.rglob(name) if ordinary(p) and "__MACOSX" not in p.parts)
        if len(below) != 1:
            return Script(problem=missing(folder, name, below))
        path, remark = below[0], f"{name} was found in {below[0].parent.relative_to(folder)}/"
    if path.stat().st_size > LARGEST:
        return Script(problem=f"{name} is larger than {LARGEST:,} bytes")
    return Script(path.read_bytes(), remark=remark)


def ordinary(path):
    """Whether it is a file, and no link to one, which may lie anywhere."""
    return path.is_file() and not path.is_symlink()


def missing(folder, name, below):
    if (folder / name).is_symlink():
        return f"{name} is a link, and links are not followed"
    if below:
        return f"there are several {name}: {', '.join(str(p.relative_to(folder)) for p in below[:5])}"
    others = (
        sorted(p.name for p in folder.iterdir() if p.suffix in (".py", ".ipynb", ".zip"))
        if folder.is_dir()
        else []
    )
    return f"there is no {name}" + (f", only {', '.join(others[:5])}" if others else "")


@functools.cache
def data_files():
    """What the handout lays beside the scripts."""
    found = {"data.tsv": ROOT / "data" / "data.tsv", "original.png": ROOT / "original.png"}
    return {name: path.read_bytes() for name, path in found.items() if path.exists()}


def longest():
    """Seconds after which the grading of any submission has ended: the sum of the limits of all runs."""
    runs = sum(SECONDS[part] * len(trials(part)) * (2 if part in ON_NODES else 1) for part in PARTS)
    return runs + len(SCRIPTS) * SECONDS["import"]
