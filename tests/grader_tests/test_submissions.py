"""Every described submission gets exactly the stated points by part, and the reasons say what they should.

Without --all, only the last of every other kind of submission is graded.
"""

import pytest
from clusters_cases import CASES as CLUSTERS
from graded import grades
from grader.parts import MAXIMUM
from gradient_checks_cases import CASES as GRADIENT_CHECKS
from hostile_cases import CASES as HOSTILE
from models_cases import CASES as MODELS
from nodes_cases import CASES as NODES
from starter_cases import CASES as STARTER
from unusual_cases import CASES as UNUSUAL

KINDS = NODES | GRADIENT_CHECKS | MODELS | CLUSTERS | UNUSUAL | STARTER | HOSTILE
CASES = [case for cases in KINDS.values() for case in cases]
SAMPLE = [cases[-1].id for cases in [*KINDS.values()][1::2]]
pytestmark = pytest.mark.apart


def marked(case):
    return pytest.param(case, id=case.id, marks=[] if case.id in SAMPLE else pytest.mark.all)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_case(case, tmp_path):
    found = grades(case, tmp_path)
    told = {
        f"{part} {name}": o.reason or o.remark for part in found for name, o in found[part].outcomes.items()
    }
    got = {part: grade.fault or grade.score for part, grade in found.items()}
    want = {part: MAXIMUM[part] - case.lost.get(part, 0) for part in found}
    silent = [text for text in case.says if text not in "\n".join(told.values())]
    assert (got, silent) == (want, []), f"{case.why}\n" + "\n".join(map(": ".join, told.items()))


def test_ids_are_unique_and_each_case_says_why():
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.why for case in CASES)
