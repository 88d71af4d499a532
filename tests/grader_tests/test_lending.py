"""What is lent to a run holds no answer, and nothing is lent before the student's own work was judged."""

import inspect
import json

import numpy as np
import pytest
from grader import grading, lending, lent, limits
from grader.parts import MAXIMUM, PARTS
from test_grader import NO_LOG, submit


@pytest.mark.parametrize("name", [*lending.ASKED, "gradient_descent"])
def test_what_is_lent_holds_neither_a_rule_nor_its_source(name):
    for method in inspect.getsource(getattr(lent, name)).split("def ")[1:]:
        body = [line.strip() for line in method.splitlines()[1:] if "self.join" in line or "grad" in line]
        assert body and not [line for line in body if line in lending.shells()] or name == "gradient_descent"
    assert (
        "log" not in lending.shells() and "outer" not in lending.shells() and "lr *" not in lending.shells()
    )


@pytest.mark.parametrize("name", lending.ASKED)
def test_a_shell_behaves_as_the_node(name):
    made = {"ask": lambda *question: [np.array(one)[()] for one in asked(question)]}
    exec(lending.shells(), made)
    inputs = {"DotNode": [np.arange(3.0), np.ones(3)], "MVMulNode": [np.eye(2, 3), np.arange(3.0)]}
    grads = []
    for node in (made[name], getattr(lent, name)):
        topo_order = []
        InputNode = made["InputNode"] if node is made[name] else lent.InputNode
        leaves = [InputNode(value, topo_order) for value in inputs.get(name, [np.float64(0.7)])]
        one = node(*leaves)
        one.grad = one.grad + 2
        one.backward()
        one.backward()
        grads.append([one.value, *(leaf.grad for leaf in leaves)])
        assert topo_order[-1] is one and topo_order[:-1] == leaves
    for ours, right in zip(*grads):
        np.testing.assert_array_equal(ours, right)


def asked(question):
    line = json.dumps(question, default=lambda value: np.asarray(value).tolist())
    return json.loads(lending.answer(line.encode()))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'["LogNode"]', b'["open", ["x"], null, null]', b"[[[["])
def test_what_is_no_question_has_no_answer(line):
    assert lending.answer(line) == b"null\n"


def test_nothing_is_lent_before_all_that_is_the_students_own_was_judged(sandbox, tmp_path, monkeypatch):
    order, run = [], limits.Sandbox.run

    def noted(self, script, files, steps, seconds, lender=None):
        order.append((script, "replace" in [action for action, _ in steps]))
        return run(self, script, files, steps, seconds, lender)

    monkeypatch.setattr(limits.Sandbox, "run", noted)
    grades = grading.Grading(submit(tmp_path, backprop=NO_LOG), sandbox)
    assert grades.part("1h").score == MAXIMUM["1h"]
    first = order.index(("backprop.py", True))
    own = len(order[:first])
    assert ("kmeans.py", False) in order[:first]
    assert [grades.part(part).score for part in PARTS] == [MAXIMUM[part] * (part != "1b") for part in PARTS]
    assert [lends for _, lends in order].count(False) == own


STEALS = """
import gc
class LogNode(Node):
    def __init__(self, n):
        self.n = n
        self.topo_order = n.topo_order
        n.topo_order.append(self)
        self.value, self.grad = self.log(n.value), np.float64(0)
    found = None
    def log(self, x):
        if not LogNode.found:
            LogNode.found = [o for o in gc.get_objects() if isinstance(o, type) and o.__name__ == "LogNode"]
        theirs = [one for one in LogNode.found if one.__module__ == "lent"]
        import ctypes, os
        libc = ctypes.CDLL(None)
        libc.shmget.restype = ctypes.c_int
        raise RuntimeError(f"found {theirs} {libc.shmget(0x5eed, 4096, 0o1666)}")
    def backward(self):
        raise RuntimeError("none")
"""


@pytest.mark.all
def test_a_second_grading_of_what_looks_for_the_nodes_earns_no_more(sandbox, tmp_path):
    folder = submit(tmp_path, backprop=STEALS)
    totals = []
    for _ in range(2):
        grades = grading.Grading(folder, sandbox)
        totals.append({part: grades.part(part).score for part in PARTS})
        told = [outcome.reason for grade in grades.grades.values() for outcome in grade.outcomes.values()]
        assert not [text for text in told if "lent." in text]
    assert totals[0] == totals[1] and totals[0]["1b"] == 0
