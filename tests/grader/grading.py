"""Grades one submission: finds its files, runs the trials of each part, gathers the outcomes of checks."""

import contextlib
import functools
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from . import clusters, gradients, lending, models, nodes
from .actions import NODES
from .checks import Outcome, in_words, judge
from .found import SCRIPTS, scripts
from .limits import ROOT, Run
from .parts import FILES, ON_NODES, PARTS, POINTS, SECONDS

JUDGES = {
    "nodes": nodes.trials,
    "gradients": gradients.trials,
    "models": models.trials,
    "clusters": clusters.trials,
}
TRIALS = {part: JUDGES[row.judged_by] for part, row in PARTS.items()}
TOGETHER = 5  # seconds of the run that does all trials of a script; a right one takes one


@functools.cache
def trials(part):
    """The trials of a part; the same for every submission."""
    return TRIALS[part](part)


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
    """The grades of one submission, each part when it is first asked for.

    All that is judged of the student's own work, in every part, is judged before anything is lent to this
    submission: what a lending run may have seen comes too late for the points of the parts that it was lent.
    """

    def __init__(self, place, sandbox=None):
        self.place, self.sandbox = Path(place), sandbox
        self.scripts = scripts(self.place)
        self.grades, self.problems, self.judged, self.odd = {}, {}, {}, []
        self.together = {}  # script -> what the run of all its trials brought

    def part(self, part):
        if part not in self.grades:
            own = self.own(part)
            self.grades[part] = own if own.fault else guarded(part, self.outcomes)
        return self.grades[part]

    def own(self, part):
        """The part with the student's own nodes."""
        if part not in self.judged:
            self.judged[part] = guarded(part, self.own_outcomes)
        return self.judged[part]

    def own_outcomes(self, part):
        problem = self.problem(FILES[part])
        if problem:
            return {name: Outcome(False, problem) for name in POINTS[part]}
        found, together, told = {}, self.together[FILES[part]], set()
        for i, trial in enumerate(trials(part)):
            outcomes = judge(trial, together.get((part, i), Run([], "")))
            if not all(outcome.passed for outcome in outcomes.values()):
                run = self.run(trial, [])
                outcomes = told_once(judge(trial, run), run, told)
            found |= outcomes
        return {name: found[name] for name in POINTS[part]}

    def outcomes(self, part):
        """Where a part that is built on nodes fails with the student's, it is run with nodes that are lent.

        Of that run only the points count: its texts, which may hold anything, are dropped.
        """
        found = dict(self.own(part).outcomes)
        failed = {name for name, outcome in found.items() if not outcome.passed}
        lends = part in ON_NODES and self.sandbox.lends and not self.problem(FILES[part])
        if not failed or not lends:
            return found
        for other in PARTS:
            self.own(other)
        for trial in trials(part):
            if failed & set(trial.checks):
                again = judge(trial, self.run(trial, [self.replacement(part)]))
                found |= {name: lent(found[name]) for name in failed & set(again) if again[name].passed}
        return found

    def run(self, trial, before):
        steps = [["load", {}], *before]
        lender = lending.answer if before and not self.sandbox.alone else None
        run = self.execute(trial.script, steps + trial.steps, SECONDS[trial.part], lender)
        if run.odd and trial.part not in self.odd:
            self.odd.append(trial.part)
        run.results = run.results[len(steps) :]
        return run

    def replacement(self, part):
        """The step that puts our nodes, and for 1n our descent, in the place of the submission's."""
        more = ["gradient_descent"] if part == "1n" else []
        source = lending.whole() if self.sandbox.alone else lending.shells()
        return ["replace", {"source": source, "names": [*NODES, *more]}]

    def execute(self, script, steps, seconds, lender=None):
        files = {name: found.data for name, found in self.scripts.items() if not found.problem}
        return self.sandbox.run(script, data_files() | files, steps, seconds, lender)

    def problem(self, script):
        """Why no part of the script can be graded; nothing if it can. It is run once to know."""
        if script not in self.problems:
            self.problems[script] = self.scripts[script].problem or self.tried(script)
        return self.problems[script]

    def tried(self, script):
        """Do all trials of a script in one run, each after an import of its own; why it cannot be imported.

        To start a run takes longer than most trials. What is right is known after this one; whatever is not
        wholly right in it counts for nothing, and is run alone.
        """
        steps, places = [], {}
        for part in (part for part in PARTS if FILES[part] == script):
            with contextlib.suppress(Exception):  # a fault of the grader, which is told with the part
                for i, trial in enumerate(trials(part)):
                    steps.append(["load", {}])
                    places[part, i] = slice(len(steps), len(steps) + len(trial.steps))
                    steps += trial.steps
        run = self.execute(script, steps, TOGETHER)
        self.together[script] = {key: Run(run.results[place], "") for key, place in places.items()}
        if run.odd:
            self.together[script] = {}
        return "" if run.results and not run.results[0].error else self.imported(script)

    def known(self, script):
        """The problem as far as it is known: None if nobody has looked."""
        return self.problems.get(script, self.scripts[script].problem or None)

    def imported(self, script):
        run = self.execute(script, [["load", {}]], SECONDS["import"])
        if not run.results:
            return f"{script} cannot be imported: {run.end or 'it ended Python itself'}"
        error = run.results[0].error
        return (
            f"{script} cannot be imported: it {in_words(error)}{self.advice(script, error)}" if error else ""
        )

    def advice(self, script, error):
        """What to do about the exception of an import."""
        if error["type"] == "SystemExit":
            return ". Keep `if __name__ == '__main__':` above what runs the command line"
        remark = self.scripts[script].remark
        return f" ({remark})" if error["type"] == "ModuleNotFoundError" and remark else ""


def guarded(part, function):
    """The grade of a part; a failure of the grader is none of the student's."""
    try:
        return PartGrade(part, function(part))
    except Exception:
        return PartGrade(part, fault=traceback.format_exc())


def told_once(outcomes, run, told):
    """An exception stands in full in the first reason of a part that tells it."""
    errors = {in_words(result.error) for result in run.results if result.error}
    for outcome in outcomes.values():
        for text in (text for text in errors if text in outcome.reason):
            if text in told:
                outcome.reason = outcome.reason.replace(text, "raised the same exception")
            told.add(text)
    return outcomes


def lent(outcome):
    remark = "passed with the reference's other parts in the place of yours; with yours: "
    return Outcome(True, remark=remark + outcome.reason)


@functools.cache
def data_files():
    """What the handout lays beside the scripts."""
    found = {"data.tsv": ROOT / "data" / "data.tsv", "original.png": ROOT / "original.png"}
    return {name: path.read_bytes() for name, path in found.items() if path.exists()}


def longest():
    """Seconds after which the grading of any submission has ended: the sum of the limits of all runs."""
    runs = sum(SECONDS[part] * len(trials(part)) * (2 if part in ON_NODES else 1) for part in PARTS)
    return runs + len(SCRIPTS) * (SECONDS["import"] + TOGETHER)
