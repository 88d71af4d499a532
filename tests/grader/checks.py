"""The frame of the checks: a trial is one run of student code, and the checks judged by what came back."""

import functools
import zlib
from dataclasses import dataclass, field

import numpy as np

from . import reference
from .compare import Wrong


@dataclass
class Trial:
    """Steps, each [action, arguments] with a text that says it, and for each check a function that judges."""

    part: str
    script: str
    steps: list
    texts: list
    checks: dict = field(default_factory=dict)

    @functools.cached_property
    def wanted(self):
        """What the reference gives for every step."""
        return [reference.perform(self.script, step) for step in self.steps]


@dataclass
class Outcome:
    """Of one check: passed or not, the reason if not, and a remark if the pass needs one."""

    passed: bool
    reason: str = ""
    remark: str = ""
    for_staff: str = ""


class Evidence:
    """What a run brought, step by step."""

    def __init__(self, trial, run):
        self.trial, self.run = trial, run
        self.steps = run.results

    def step(self, i):
        """The result of step i; Wrong if it was never reached."""
        if i >= len(self.steps):
            raise Wrong(self.missing(i))
        return self.steps[i]

    def also(self, reason):
        """The first exception of the run, if the reason does not tell it."""
        for result, text in zip(self.steps, self.trial.texts):
            if result.error and in_words(result.error) not in reason:
                return (
                    f" ({text} {in_words(result.error)})"
                    if text not in reason
                    else f" (it {in_words(result.error)})"
                )
        return ""

    def missing(self, i):
        end = self.run.end or "it ended Python itself (os._exit, or results that cannot be read)"
        return f"{self.trial.texts[i]}: {end}"

    def seen(self, i, name):
        """The value called name that step i saw; if none, Wrong, with the exception that was raised."""
        result = self.step(i)
        if name not in result.seen:
            raise Wrong(
                f"{self.trial.texts[i]}: {in_words(result.error) if result.error else 'nothing came back'}"
            )
        return result.seen[name]


def in_words(error):
    """An exception, with the student's own line where it rose."""
    where = f" at line {error['line']}: {error['code']}" if "line" in error else ""
    text = f"{error['type']}: {error['text']}" if error["text"] else error["type"]
    return f"raised {text}{where}"


def judge(trial, run):
    """The outcome of each check of a trial."""
    evidence, outcomes = Evidence(trial, run), {}
    for name, check in trial.checks.items():
        try:
            check(evidence)
            outcomes[name] = Outcome(True)
        except Wrong as wrong:
            reason = str(wrong) + evidence.also(str(wrong))
            outcomes[name] = Outcome(False, reason, for_staff=wrong.for_staff)
    return outcomes


def generator(name):
    """Hidden inputs: the same for every submission, so that equal work earns equal points."""
    return np.random.default_rng([20_251_125, zlib.crc32(name.encode())])


def encode(arguments):
    """Arrays as nested lists, so that a step is JSON."""
    if isinstance(arguments, dict):
        return {key: encode(value) for key, value in arguments.items()}
    if isinstance(arguments, (list, tuple)):
        return [encode(value) for value in arguments]
    return arguments.tolist() if isinstance(arguments, (np.ndarray, np.generic)) else arguments
