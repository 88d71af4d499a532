"""Every operator and constant of the functions that are graded is changed, one at a time, and loses points.

What does not is listed, with the reason why it is no mistake.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import pytest
from case import reference
from grader.checks import judge
from grader.grading import Grading, trials
from grader.limits import Sandbox
from grader.points import FILES
from mutate import mutants, used

HERE = Path(__file__).resolve().parent

GRADED = {
    "LogNode": "1b",
    "SigmoidNode": "1e",
    "DotNode": "1g",
    "gradient_check_1": "1h",
    "check_gradients": "1h",
    "numerical_gradient": "1h",
    "make_logistic_regression": "1i",
    "negative_log_likelihood": "1i",
    "gradient_descent": "1i",
    "MVMulNode": "1l",
    "gradient_check_2": "1m",
    "make_neural_network": "1n",
    **dict.fromkeys(used(reference("kmeans.py"), "kmeans"), "2a"),
}
EQUIVALENT = {  # the line that is changed, by its beginning, and why a change in it need not lose points
    "gradient_descent: if i": "how often the loss is printed on the way is not graded",
    "draw: return X[": "it draws with replacement: another start, and any fixed point is right",
    "lloyd: x, C = (shifted(X, middle), C + middle)": "another start",
    "lloyd: error = ": "another allowance for rounding",
    "lloyd: if step <": "another allowance for rounding: at the end the centroids do not move at all",
    "lloyd: for passes in": "the number of passes is not returned by kmeans",
    "lloyd: for rows in pieces": "the size of a block, or an example whose margin is used up exactly",
    "lloyd: moved += 3": "examples are looked at again sooner than they need be",
    "lloyd: safe": "examples are looked at again sooner than they need be",
    "merged: code = codes(X) if k": "the examples are merged for fewer clusters, or for more",
    "merged: order = np.lexsort(code.view(np.uint16).reshape(len(X), -2)": "numpy takes any number below 0",
    "merged: start = np.flatnonzero(np.append(True, code[1:] != code[:1])": "equals stay apart",
    "merged: if len(start)": "the examples are merged, or not",
    "codes: base = np.append(2": "twice the number",
    "codes: base = np.append(1, high - low + 2)": "other numbers, as different from each other",
    "codes: if not (base[-1] <= 2": "the examples are merged for a range of 2^53 too, which is still exact",
    "codes: if not (base[-2] < 2": "the examples are merged for a larger range",
    "codes: if not (base[-1] < 2 * 53": "the examples are merged for a smaller range",
    "codes: if not (base[-1] < 3": "the examples are merged for a larger range",
    "codes: if not (base[-1] < 2 ** 54": "the examples are merged for a larger range",
    "codes: return ((X + low)": "other numbers, as different from each other unless they are huge",
    "box: if X.shape": "the columns one by one, or all at once: the same numbers",
    "lloyd: due = ": "an example whose margin is used up exactly",
    "shifted: for rows in pieces": "the size of a block",
    "squares: for rows in pieces": "the size of a block",
    "pieces: size": "the size of a block",
    "pieces: start, stop = (rows[i], min(rows[i] + size, rows[-1] + 2))": "one row more is looked at",
    "pieces: crowd": "rows are picked out that might be taken whole, or the other way round",
    "frame: half = ": "a larger radius: another allowance for rounding",
    "frame: return (": "another point for the middle: any near the examples serves",
    "refill: C[c] = x[:1, far]": "an empty cluster starts elsewhere: any fixed point is right",
    "refill: far = ": "another of the examples that are farthest, to the rounding",
    "refill: if distance[far]": "a distance that is equal to its own rounding error",
    "nearest: close = ": "more examples, or fewer, have their distances worked out twice",
    "nearest: distance = ": "only for examples that are equally near to two centroids, to the rounding",
    "nearest: z[close] = ": "only for examples that are equally near to two centroids, to the rounding",
    "nearest: z = ((score != best)": "the margin is none: all distances are worked out twice",
    "nearest: score.ravel()": "the margin is none: all distances are worked out twice",
    "nearest: square = ": "the margin: how soon an example is looked at again, not where it belongs",
    "nearest: slack = ": "the margin, by a rounding error more or less",
    "nearest: return (z, (gap": "the margin: how soon an example is looked at again, not where it belongs",
    "means: return np.where(count >= 0": "an empty cluster goes to the middle: any fixed point is right",
    "finish: if left.max()": "only for examples that all lie on their centroids, to the rounding",
}


def loses(text, part, sandbox):
    """Whether the script with this text loses points in the part; its own nodes only, trial by trial."""
    grading = Grading(HERE, sandbox)
    for name, found in grading.scripts.items():
        found.data, found.problem = (text if name == FILES[part] else reference(name)).encode(), ""
    for trial in trials(part):
        outcomes = judge(trial, grading.run(trial, []))
        if not all(outcome.passed for outcome in outcomes.values()):
            return True
    return False


@pytest.fixture(scope="module")
def pool():
    own, sandboxes = local(), []

    def work(text, part):
        if not hasattr(own, "sandbox"):
            own.sandbox = Sandbox(os.environ.get("GRADER_ISOLATION", "user"), patience=0.15)
            sandboxes.append(own.sandbox)
        return loses(text, part, own.sandbox)

    with ThreadPoolExecutor(2) as pool:
        yield lambda made, part: pool.map(lambda mutant: work(mutant[1], part), made)
    for sandbox in sandboxes:
        sandbox.close()


@pytest.mark.parametrize("name", GRADED)
def test_mutants(name, pool):
    part = GRADED[name]
    made = list(mutants(reference(FILES[part]), [name]))
    survivors = [what for (what, _), lost in zip(made, pool(made, part)) if not lost]
    unknown = [what for what in survivors if not what.startswith(tuple(EQUIVALENT))]
    assert not unknown, "these changes lose nothing:\n" + "\n".join(unknown)
