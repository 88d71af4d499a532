"""The reports: results.json as Gradescope reads it, a row of grades.csv, and lines for a terminal."""

import csv
import io
import json
import os
from pathlib import Path

from .grading import SCRIPTS
from .parts import FILES, MAXIMUM, PARTS, POINTS, TITLES, TOTAL

COLUMNS = ["submission", *PARTS, "total", "remarks"]
NOT_RUN = "not run: grading ended before this part"


def results(grading, grades, note=""):
    """The content of results.json; a part without a grade yet has 0 points and says so."""
    tests = [information(grading, script) for script in SCRIPTS]
    tests += [part_test(part, grades.get(part)) for part in PARTS]
    if note:
        tests.append(line("for staff", "passed", note, visibility="hidden"))
    faults = [part for part, grade in grades.items() if grade.fault]
    output = f"{TOTAL} points are for code, in {len(PARTS)} parts."
    if faults:
        output = f"The grader itself failed: {', '.join(faults)} not graded. Please tell the staff."
    return {"output": output, "output_format": "text", "visibility": "visible", "tests": tests}


def information(grading, script):
    """A line without points: whether the script was found and can be imported."""
    problem, remark = grading.known(script), grading.scripts[script].remark
    if problem is None:
        return line(f"{script} found and imported", "failed", NOT_RUN)
    text = problem or f"{script} was found and can be imported"
    text += f" ({remark})" if remark else ""
    return line(f"{script} found and imported", "failed" if problem else "passed", text)


def line(name, status, output, visibility="visible"):
    return {
        "name": name,
        "status": status,
        "output": output,
        "output_format": "text",
        "visibility": visibility,
    }


def part_test(part, grade):
    """The test of one part. If the grader failed there is no score: it is not the student's."""
    test = {
        "name": f"{part} {TITLES[part]}",
        "number": part,
        "max_score": MAXIMUM[part],
        "visibility": "visible",
    }
    test |= {"output_format": "text", "tags": [FILES[part]], "extra_data": {}}
    if grade is None:
        return test | {"score": 0, "status": "failed", "output": NOT_RUN}
    if grade.fault:
        return test | {
            "status": "failed",
            "output": "not graded: the grader itself failed",
            "extra_data": {"fault": grade.fault},
        }
    full = grade.score == MAXIMUM[part]
    points = {name: POINTS[part][name] * outcome.passed for name, outcome in grade.outcomes.items()}
    return test | {
        "score": grade.score,
        "status": "passed" if full else "failed",
        "output": "\n".join(check_lines(part, grade)),
        "extra_data": {"checks": points},
    }


def check_lines(part, grade):
    for name, outcome in grade.outcomes.items():
        most = POINTS[part][name]
        yield f"{name}: {most * outcome.passed} of {most}" + "".join(
            f"\n    {text}" for text in (outcome.reason, outcome.remark) if text
        )


def write(path, content):
    """Put the JSON in place whole: a reader sees the old file or the new one."""
    replace(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_table(path, rows):
    table = io.StringIO()
    csv.writer(table).writerows([COLUMNS, *rows])
    replace(path, table.getvalue())


def replace(path, text):
    beside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    beside.write_bytes(text.encode("utf-8", "backslashreplace"))
    os.replace(beside, path)


def row(name, grading, grades, fault=""):
    """A row of grades.csv. A part that the grader could not grade is empty, and so is the total then."""
    scores = {grade.part: grade.score for grade in grades if not grade.fault}
    total = sum(scores.values()) if len(scores) == len(PARTS) else ""
    return [
        plain(name),
        *(scores.get(part, "") for part in PARTS),
        total,
        plain(remarks(grading, grades, fault)),
    ]


def remarks(grading, grades, fault):
    """What staff should know, in one line."""
    texts = [f"grader fault: {fault}"] if fault else []
    texts += [
        f"grader fault at {grade.part}: {grade.fault.splitlines()[-1]}" for grade in grades if grade.fault
    ]
    texts += [grading.scripts[name].remark or grading.known(name) for name in SCRIPTS]
    helped = [grade.part for grade in grades if any(outcome.remark for outcome in grade.outcomes.values())]
    if helped:
        texts.append(f"with the reference's other parts: {' '.join(helped)}")
    return " | ".join(" ".join(text.split()) for text in texts if text)


def plain(text):
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def summary(grades):
    """Points by part, a line each; grades maps parts to the outcomes of the checks that were run."""
    for part in PARTS:
        outcomes = grades.get(part, {})
        score = sum(POINTS[part][name] for name, passed in outcomes.items() if passed)
        left = [name for name in POINTS[part] if name not in outcomes]
        yield f"{part}  {score:2} of {MAXIMUM[part]:2}  {TITLES[part]}" + (
            f"   (not run: {', '.join(left)})" if left else ""
        )
    score = sum(
        POINTS[part][name] for part, outcomes in grades.items() for name, passed in outcomes.items() if passed
    )
    yield f"    {score:2} of {TOTAL}"
