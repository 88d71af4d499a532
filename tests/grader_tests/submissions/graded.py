"""Grades described submissions and mutants, each in whichever process is asked to."""

import functools
import os

from case import SCRIPTS, filled, make
from grader.checks import judge
from grader.grading import Grading, trials
from grader.limits import Sandbox
from grader.parts import FILES, PARTS

SHORT, LONG = 0.15, 2  # of the limits: for what never ends, and for all others, however busy the machine is
ENOUGH = 1  # second of processor time for a trial of a mutant


@functools.cache
def sandbox():
    """One for each process; its server ends with it."""
    return Sandbox(os.environ.get("GRADER_ISOLATION", "user"))


def grades(case, folder):
    """part -> grade, of the parts of the scripts that differ from those of the right one."""
    files = make(case)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    changed = [script for script in SCRIPTS if files.get(script) != filled(script).encode()]
    sandbox().patience = SHORT if "still running" in case.says else LONG
    grading = Grading(folder, sandbox())
    parts = case.only or [part for part in PARTS if not changed or FILES[part] in changed]
    return {part: grading.part(part) for part in parts}


def loses(text, part, folder):
    """Whether the script with this text loses points in the part; with its own nodes only, trial by trial."""
    (folder / FILES[part]).write_text(text, encoding="utf-8")
    sandbox().patience = ENOUGH / PARTS[part].seconds
    grading = Grading(folder, sandbox())
    outcomes = (judge(trial, grading.run(trial, [])) for trial in trials(part))
    return any(not outcome.passed for trial in outcomes for outcome in trial.values())
