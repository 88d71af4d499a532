"""Every operator and constant of what a student writes is changed, one at a time, and loses points.

Without --all, only the first change of each kind is tried in each function.
"""

import pytest
from case import BODIES, filled
from graded import loses
from grader.parts import FILES
from mutate import mutants

NO_MISTAKE = {  # function: the changes that lose nothing, and why
    "gradient_descent": (
        ["Eq to NotEq", "Mod to Add", "100 + 1", "0 + 1"],
        "how often the loss is printed on the way is not graded",
    ),
    "kmeans": (["not False"], "it draws with replacement: another start, and any fixed point is right"),
}
pytestmark = pytest.mark.apart
MUTANTS = []
for part, name in ((part, name) for part, names in BODIES.items() for name in names):
    kinds = []
    for kind, text in mutants(filled(FILES[part]), name):
        kinds.append(kind)
        if kind not in NO_MISTAKE.get(name, [[]])[0]:
            id = f"{name}-{kind}-{kinds.count(kind)}"
            marks = [] if kinds.count(kind) == 1 else pytest.mark.all
            MUTANTS.append(pytest.param(text, part, id=id, marks=marks))


@pytest.mark.parametrize(("text", "part"), MUTANTS)
def test_mutant_loses_points(text, part, tmp_path):
    assert loses(text, part, tmp_path)
