"""The reports: results.json as Gradescope reads it, grades.csv, a text for a mail, lines for a terminal."""

import csv
import io
import json
import os
from pathlib import Path

from .found import SCRIPTS
from .parts import FILES, MAXIMUM, PARTS, POINTS, TITLES, TOTAL

COLUMNS = ["submission", "name", "student ID", *PARTS, "total", "remarks", "lost"]
NOT_RUN = "not run: grading ended before this part"


class Foreign(Exception):
    """A grades.csv that is not of this grader."""


def results(grading, grades, note="", more=None):
    """The content of results.json; a part without a grade yet has 0 points and says so."""
    tests = [information(grading, script) for script in SCRIPTS]
    tests += [part_test(part, grades.get(part)) for part in PARTS]
    if note:
        tests.append(line("for staff", "passed", note, visibility="hidden"))
    more = more and {"extra_data": more | {"complete": len(grades) == len(PARTS)}}
    faults = [part for part, grade in grades.items() if grade.fault]
    output = f"{TOTAL} points are for code, in {len(PARTS)} parts."
    if faults:
        output = f"The grader itself failed: {', '.join(faults)} not graded. Please tell the staff."
    return {"output": output, "output_format": "text", "visibility": "visible", "tests": tests} | (more or {})


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


def complete(path):
    """What results.json says of where the submission is from, and whether all of it was graded."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))["extra_data"]
        return str(known["from"]), bool(known["complete"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", False


def write_table(path, rows):
    table = io.StringIO()
    csv.writer(table).writerows([COLUMNS, *rows])
    replace(path, table.getvalue())


def read_table(path):
    """The rows that are there already, by submission."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8-sig", newline="", errors="replace") as file:
        first, *rows = list(csv.reader(file)) or [[]]
    if first != COLUMNS or any(len(row) != len(COLUMNS) for row in rows if row):
        raise Foreign(f"{path} is no table that this grader wrote: move it away, or choose another -o")
    return {row[0]: row for row in rows if row}


def holds_grades(folder):
    """Whether it is the -o of an earlier call."""
    try:
        return bool(read_table(folder / "grades.csv"))
    except (Foreign, OSError, ValueError, csv.Error):
        return False


def letter(name, grading, grades):
    """The grade in words, to be pasted into a mail."""
    yield f"{name}: {sum(grade.score for grade in grades.values())} of {TOTAL} points for code"
    texts = dict.fromkeys(grading.scripts[script].remark for script in SCRIPTS)
    yield from (f"({text})" for text in texts if text)
    for part, grade in grades.items():
        yield f"\n{part} {TITLES[part]}: {grade.score} of {MAXIMUM[part]}"
        if grade.fault:
            yield "not graded: the grader itself failed"
        elif (
            len(reasons := {o.reason for o in grade.outcomes.values() if not o.passed}) == 1
            and not grade.score
        ):
            yield f"    {reasons.pop()}"
        elif grade.score < MAXIMUM[part] or any(outcome.remark for outcome in grade.outcomes.values()):
            yield from (f"    {line}" for line in check_lines(part, grade))


def replace(path, text):
    beside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    beside.write_bytes(text.encode("utf-8", "backslashreplace"))
    os.replace(beside, path)


def row(name, person, grading, grades, fault=""):
    """A row of grades.csv. A part that the grader could not grade is empty, and so is the total then."""
    scores = {grade.part: grade.score for grade in grades if not grade.fault}
    total = sum(scores.values()) if len(scores) == len(PARTS) else ""
    points = [str(scores.get(part, "")) for part in PARTS]
    texts = [*points, str(total), plain(remarks(grading, grades, fault)), lost(grades)]
    return [plain(name), *map(plain, person), *texts]


def lost(grades):
    """The checks that were not passed, by part."""
    failed = {g.part: [n for n, outcome in g.outcomes.items() if not outcome.passed] for g in grades}
    return "; ".join(f"{part} {', '.join(names)}" for part, names in failed.items() if names)


def remarks(grading, grades, fault):
    """What staff should know, in one line."""
    texts = [f"grader fault: {fault}"] if fault else []
    texts += [
        f"grader fault at {grade.part}: {grade.fault.splitlines()[-1]}" for grade in grades if grade.fault
    ]
    for name in SCRIPTS:
        texts += [grading.scripts[name].remark, grading.known(name)]
    texts += untouched(grading, grades)
    if grading.odd:
        texts.append(f"look at the code: what came back could not be read, in {' '.join(grading.odd)}")
    texts += [f"{g.part}: {o.for_staff}" for g in grades for o in g.outcomes.values() if o.for_staff]
    helped = [grade.part for grade in grades if any(outcome.remark for outcome in grade.outcomes.values())]
    if helped:
        texts.append(f"with the reference's other parts: {' '.join(helped)}")
    return " | ".join(dict.fromkeys(" ".join(text.split()) for text in texts if text))


def untouched(grading, grades):
    """A word on a file that can be imported but earns next to nothing."""
    for name in SCRIPTS:
        scores = [grade.score for grade in grades if FILES[grade.part] == name]
        if scores and sum(scores) <= 1 and grading.known(name) == "":
            yield f"almost nothing in {name} works: is it the starter as it was handed out?"


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
