"""Wrong gradient checks: 1h, 1m."""

from case import Case

# both checks in the manner of the starter; its lines are what the cases change
FIRST = """
def gradient_check_1(a_test, b_test, c_test):
    def f(a_val, b_val, c_val):
        order = []
        a, b, c = InputNode(a_val, order), InputNode(b_val, order), InputNode(c_val, order)
        log, sigmoid = LogNode(DotNode(a, b)), SigmoidNode(DotNode(a, c))
        return (a, b, c), AddNode(log, ConstantMulNode(sigmoid, -3))
    compare(f, "abc", [a_test, b_test, c_test])
"""
SECOND = """
def gradient_check_2(M_test, v_test):
    def f(M_val, v_val):
        order = []
        M, v = InputNode(M_val, order), InputNode(v_val, order)
        return (M, v), DotNode(v, ReluNode(MVMulNode(M, v)))
    compare(f, "Mv", [M_test, v_test])
"""
COMPARE = """
def compare(f, names, values):
    nodes, output = f(*values)
    output.compute_grad()
    print("Computed value of f:", output.value)
    for i, name in enumerate(names):
        numerical = np.zeros(values[i].shape)
        for entry in np.ndindex(numerical.shape):
            moved = [value.copy() for value in values]
            moved[i][entry] += EPSILON
            numerical[entry] = (f(*moved)[1].value - output.value) / EPSILON
        backprop = nodes[i].grad
        print("numerical gradient of", name, numerical)
        print("backprop gradient of", name, backprop)
        print("max difference for", name, np.max(np.abs(numerical - backprop)))
"""
MOVED = """
            moved = [value.copy() for value in values]
            moved[i][entry] += EPSILON
            numerical[entry] = (f(*moved)[1].value - output.value) / EPSILON
"""
FORMULA = """
    if len(values) == 3:
        a, b, c = values
        u = sigmoid(a.dot(c))
        formula = [b / a.dot(b) - 3 * u * (1 - u) * c, a / a.dot(b), -3 * u * (1 - u) * a]
    else:
        M, v = values
        on = M.dot(v) > 0
        formula = [np.outer(v * on, v), M.dot(v) * on + M.T.dot(v * on)]
"""
NUMERICAL = MOVED.split("\n")[3].strip()
PRINTED = [line.strip() for line in COMPARE.strip().split("\n")[-3:]]
DIFFERENCE = "np.max(np.abs(numerical - backprop))"


def changed(text, edits):
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def compare(id, lost, why, *edits, says=()):
    """Both checks go wrong in the same way."""
    after = changed(COMPARE, edits)
    return Case(
        id,
        {"gradient_check_1": FIRST + after, "gradient_check_2": SECOND},
        {"1h": lost, "1m": lost},
        why,
        says=says,
    )


def first(id, lost, why, *edits, says=()):
    return Case(id, {"gradient_check_1": changed(FIRST, edits) + COMPARE}, {"1h": lost}, why, says=says)


def second(id, lost, why, *edits, says=()):
    return Case(id, {"gradient_check_2": changed(SECOND, edits) + COMPARE}, {"1m": lost}, why, says=says)


OTHER_EPSILON = [
    Case(
        f"epsilon-{step}",
        edits=[("EPSILON = 1e-8", f"EPSILON = {step}")],
        lost={"1h": 1, "1m": lost},
        why="another EPSILON: differences that are not below 1e-7",
        says=["the largest differences have to be printed, below 1e-7, not"],
    )
    for step, lost in (("1e-4", 1), ("1e-6", 1))
]
NUMERIC = [  # value and backprop are right: 2 points
    compare("checks-plain", 0, "right: the plainest gradient checks"),
    compare(
        "numerical-copied",
        3,
        "the numerical gradient is copied from backprop",
        (MOVED, "\n            numerical[entry] = nodes[i].grad[entry]\n"),
        says=["the numerical gradient of a follows a.grad", "to see it"],
    ),
    compare(
        "numerical-copied-and-blurred",
        3,
        "the same, with a rounding error made up",
        (MOVED, "\n            numerical[entry] = nodes[i].grad[entry] + 1e-8 * np.random.randn()\n"),
    ),
    compare(
        "numerical-by-formula",
        2,
        "the numerical gradient from a formula: right to the last digit, and no difference of f",
        ("    for i, name", FORMULA + "    for i, name"),
        ("        backprop =", "        numerical = formula[i]\n        backprop ="),
        says=["is it made of differences of f?"],
    ),
    compare(
        "backprop-copied",
        2,
        "the column of backprop is copied from the numerical one",
        ("= nodes[i].grad", "= numerical"),
        says=["what is printed as the backprop gradient of a is not a.grad"],
    ),
    compare(
        "never-restored",
        2,
        "perturbs what it was given and never restores: all but the first difference are wrong",
        (MOVED, MOVED.replace("moved = [value.copy() for value in values]", "moved = values")),
    ),
    compare(
        "never-restored-but-right",
        0,
        "right in what it prints: as above, but each difference is taken from the point before",
        (
            MOVED,
            """
            before = f(*values)[1].value
            values[i][entry] += EPSILON
            numerical[entry] = (f(*values)[1].value - before) / EPSILON
""",
        ),
    ),
    compare(
        "copies-never-restored",
        2,
        "perturbs copies, one entry after another, and never restores",
        ("        for entry in", "        moved = [value.copy() for value in values]\n        for entry in"),
        (MOVED.split("\n")[1] + "\n", ""),
    ),
    compare(
        "numerical-sign",
        2,
        "the difference the wrong way round",
        (NUMERICAL, f"numerical[entry] = -({NUMERICAL[19:]})"),
    ),
    compare("not-divided", 2, "the difference is not divided", (") / EPSILON", ")")),
    compare(
        "divided-twice-as-much",
        2,
        "divided by 2 EPSILON, as for a central difference",
        ("/ EPSILON", "/ (2 * EPSILON)"),
    ),
    compare("all-entries-at-once", 2, "moves a whole input", ("moved[i][entry] +=", "moved[i] +=")),
    compare(
        "first-row-alone",
        2,
        "moves always the first input",
        ("moved[i][entry]", "moved[0][(0,) * moved[0].ndim]"),
    ),
    compare(
        "whole-numbers",
        2,
        "the numerical gradient is cut to whole numbers",
        ("values[i].shape)", "values[i].shape, int)"),
    ),
    compare(
        "step-too-large",
        2,
        "a step of 0.1 is no derivative",
        ("+= EPSILON", "+= 0.1"),
        ("/ EPSILON", "/ 0.1"),
    ),
    compare(
        "step-too-small",
        2,
        "a step that is lost by rounding",
        ("+= EPSILON", "+= 1e-17"),
        ("/ EPSILON", "/ 1e-17"),
    ),
    compare(
        "single-precision", 2, "the step is lost in float32", ("value.copy()", "value.astype(np.float32)")
    ),
    Case(
        "numerical-transposed",
        {"gradient_check_2": SECOND + COMPARE.replace("numerical[entry] =", "numerical[entry[::-1]] =")},
        {"1m": 1},
        "rows for columns: the numbers are there, but the difference is wrong",
    ),
]

PRINTS = [
    compare(
        "difference-mean", 1, "the mean difference", (DIFFERENCE, "np.mean(np.abs(numerical - backprop))")
    ),
    compare(
        "difference-sum", 1, "the sum of differences", (DIFFERENCE, "np.sum(np.abs(numerical - backprop))")
    ),
    compare("difference-norm", 1, "the norm", (DIFFERENCE, "np.linalg.norm(numerical - backprop)")),
    compare(
        "difference-signed",
        1,
        "without abs a negative difference is lost",
        (DIFFERENCE, "np.max(numerical - backprop)"),
    ),
    compare(
        "difference-signed-other", 1, "the other way round", (DIFFERENCE, "np.max(backprop - numerical)")
    ),
    compare("difference-least", 1, "the least", (DIFFERENCE, "np.min(np.abs(numerical - backprop))")),
    compare(
        "difference-relative",
        1,
        "relative",
        (DIFFERENCE, "np.max(np.abs(1 - backprop / (numerical + 1e-300)))"),
    ),
    compare(
        "difference-zero",
        1,
        "printed without being computed",
        (DIFFERENCE, "0.0"),
        says=["the largest difference of the two gradients of a"],
    ),
    compare("difference-as-in-the-handout", 1, "printed without being computed", (DIFFERENCE, "7.06e-08")),
    compare("difference-not-printed", 1, "two columns, and no difference", (PRINTED[2], "pass")),
    compare(
        "difference-alone",
        3,
        "the columns are not printed: value and difference alone",
        (PRINTED[0], "pass"),
        (PRINTED[1], "pass"),
        says=["the backprop gradient of a is [-0.27, 0.955]"],
    ),
    compare("backprop-not-printed", 1, "the numerical column alone", (PRINTED[1], "pass")),
    compare("numerical-not-printed", 2, "the backprop column alone", (PRINTED[0], "pass")),
    compare(
        "no-compute-grad",
        2,
        "compute_grad is never called: the column of backprop is zero, and so the difference is wrong",
        ("    output.compute_grad()\n", ""),
        says=["the backprop gradient of a"],
    ),
    compare(
        "value-not-printed",
        1,
        "no value",
        ('print("Computed value of f:", output.value)', "pass"),
        says=["f: expected 2.0594, but this was not printed"],
    ),
    compare("value-halved", 1, "another value", ('f:", output.value', 'f:", output.value / 2')),
    compare(
        "size-of-the-handout",
        0,
        "right for two entries alone",
        ("np.ndindex(numerical.shape)", "np.ndindex((2,) * numerical.ndim)"),
    ),
    compare(
        "prints-nothing",
        6,
        "it computes all, and prints nothing",
        ("    nodes, output", "    print = str.format\n    nodes, output"),
    ),
    compare(
        "value-typed-in",
        2,
        "the handout's value, printed without being computed",
        ('f:", output.value', 'f:", 5 if len(values) == 2 else 2.0593629889'),
        says=["f: printed 2.0594, expected 0.1106"],
    ),
]

FUNCTIONS = [
    first("check-plus", 1, "+3 σ for −3 σ: another function", ("-3)", "3)")),
    first(
        "check-without-3",
        1,
        "the factor 3 is missing",
        ("ConstantMulNode(sigmoid, -3)", "ConstantMulNode(sigmoid, -1)"),
    ),
    first(
        "check-b-for-a", 1, "σ(bᵀc) for σ(aᵀc)", ("SigmoidNode(DotNode(a, c))", "SigmoidNode(DotNode(b, c))")
    ),
    first("check-no-log", 1, "the log is missing", ("LogNode(DotNode(a, b))", "DotNode(a, b)")),
    first(
        "check-handout-alone",
        6,
        "the handout's points, whatever is given: the value there is right, but not at other points",
        ("[a_test, b_test, c_test]", "[np.array([3.0, 2.0]), np.array([-2.0, 7.0]), np.array([1.0, -4.0])]"),
    ),
    first("check-c-forgotten", 4, "two of three inputs", ('compare(f, "abc"', 'compare(f, "ab"')),
    first(
        "check-a-detached",
        2,
        "a second node for a: backprop lacks what comes through σ, differences do not",
        ("SigmoidNode(DotNode(a, c))", "SigmoidNode(DotNode(InputNode(a_val, order), c))"),
    ),
    second("check-no-relu", 1, "vᵀMv: ReLU is missing", ("ReluNode(MVMulNode(M, v))", "MVMulNode(M, v)")),
    second(
        "check-u-for-v",
        1,
        "(Mv)ᵀ ReLU(Mv)",
        ("DotNode(v, ReluNode(MVMulNode(M, v)))", "DotNode(MVMulNode(M, v), ReluNode(MVMulNode(M, v)))"),
    ),
    second("check-transposed", 2, "Mᵀ for M", ("InputNode(M_val,", "InputNode(M_val.T,")),
    second(
        "check-relu-outside",
        6,
        "ReLU(vᵀMv)",
        ("DotNode(v, ReluNode(MVMulNode(M, v)))", "ReluNode(DotNode(v, MVMulNode(M, v)))"),
    ),
    second(
        "check-v-detached",
        1,
        "v as a constant in one of its two places",
        ("DotNode(v, Relu", "DotNode(InputNode(v_val, order), Relu"),
    ),
    second("check-v-forgotten", 4, "one of two inputs", ('compare(f, "Mv"', 'compare(f, "M"')),
]

CASES = {
    "another EPSILON": OTHER_EPSILON,
    "numerical gradients": NUMERIC,
    "what is printed": PRINTS,
    "functions checked": FUNCTIONS,
}
