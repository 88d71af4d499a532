"""Wrong models and wrong gradient descent: 1i, 1n.

Many of them print the handout's figures: 0.014 and 0.019 do not see a loss scaled by 2, 1/2 or 1/n, or a
hidden bias left out, doubled or detached; a single dataset does not see 4/n, or the dataset typed in.
"""

from case import Case

LOGISTIC = """
def make_logistic_regression(dataset):
    def compute_loss(w_val, b_val):
        order = []
        w, b = InputNode(w_val, order), InputNode(b_val, order)
        total = None
        for x, y in dataset:
            score = AddNode(DotNode(w, InputNode(x, order)), b)
            log_p = LogNode(SigmoidNode(ConstantMulNode(score, y)))
            total = log_p if total is None else AddNode(total, log_p)
        return (w, b), ConstantMulNode(total, -1)
    return compute_loss
"""
NETWORK = """
def make_neural_network(dataset):
    def compute_loss(W_val, b_val, v_val, c_val):
        order = []
        W, b, v, c = [InputNode(value, order) for value in (W_val, b_val, v_val, c_val)]
        total = None
        for x, y in dataset:
            hidden = ReluNode(AddNode(MVMulNode(W, InputNode(x, order)), b))
            score = AddNode(DotNode(v, hidden), c)
            log_p = LogNode(SigmoidNode(ConstantMulNode(score, y)))
            total = log_p if total is None else AddNode(total, log_p)
        return (W, b, v, c), ConstantMulNode(total, -1)
    return compute_loss
"""
DESCENT = """
def gradient_descent(f, params, lr, num_iters):
    for i in range(num_iters):
        nodes, loss = f(*params)
        if i % 100 == 0:
            print("Iteration", i, "loss =", loss.value)
        loss.compute_grad()
        for j in range(len(params)):
            params[j] = nodes[j].value - lr * nodes[j].grad
    print("Final loss=%f" % loss.value)
"""
STEP = "params[j] = nodes[j].value - lr * nodes[j].grad"
LOG_P = "log_p = LogNode(SigmoidNode(ConstantMulNode(score, y)))"


def changed(text, edits):
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def logistic(id, lost, why, *edits, says=()):
    return Case(id, {"make_logistic_regression": changed(LOGISTIC, edits)}, {"1i": lost}, why, says=says)


def network(id, lost, why, *edits, says=()):
    return Case(id, {"make_neural_network": changed(NETWORK, edits)}, {"1n": lost}, why, says=says)


def descent(id, lost, why, *edits, says=()):
    """1n is trained by the reference's descent then, and loses nothing."""
    return Case(id, {"gradient_descent": changed(DESCENT, edits)}, {"1i": lost}, why, says=says)


def both(id, lost, why, *edits, says=()):
    """The same mistake in both models."""
    replace = {
        "make_logistic_regression": changed(LOGISTIC, edits),
        "make_neural_network": changed(NETWORK, edits),
    }
    return Case(id, replace, dict(zip(("1i", "1n"), lost)), why, says=says)


# gradient descent and its printing are 3 points of 1i; a wrong loss has wrong gradients, and trains elsewhere
WRONG_LOSS = (2, 2)
RIGHT_FOR_FOUR = (2, 2)  # wrong but for the handout's four examples: the training is right
TOTAL = "ConstantMulNode(total, -1)"
BOTH = [
    both("models-plain", (0, 0), "right: the plainest models"),
    both(
        "loss-averaged",
        WRONG_LOSS,
        "1/n",
        (TOTAL, "ConstantMulNode(total, -1 / len(dataset))"),
        says=["this is the mean"],
    ),
    both("loss-quartered", WRONG_LOSS, "1/4: the handout's n", (TOTAL, "ConstantMulNode(total, -0.25)")),
    both(
        "loss-halved",
        WRONG_LOSS,
        "1/2",
        (TOTAL, "ConstantMulNode(total, -0.5)"),
        says=["this is half of the right one"],
    ),
    both(
        "loss-doubled",
        WRONG_LOSS,
        "2",
        (TOTAL, "ConstantMulNode(total, -2)"),
        says=["this is twice the right one"],
    ),
    both(
        "loss-four-nths",
        RIGHT_FOR_FOUR,
        "4/n, right for n = 4",
        (TOTAL, "ConstantMulNode(total, -4 / len(dataset))"),
    ),
    both("loss-positive", WRONG_LOSS, "the sign", (TOTAL, "total"), says=["this is −1 times the right one"]),
    both(
        "labels-0-1",
        WRONG_LOSS,
        "the formula for labels 0 and 1, given −1 and +1",
        (
            LOG_P,
            """
            p = SigmoidNode(score)
            q = AddNode(InputNode(np.float64(1), order), ConstantMulNode(p, -1))
            log_p = AddNode(ConstantMulNode(LogNode(p), y), ConstantMulNode(LogNode(q), 1 - y))""",
        ),
    ),
    both(
        "labels-0-for-minus",
        WRONG_LOSS,
        "the label −1 is taken as 0: such examples weigh log 2 and have no gradient",
        (LOG_P, LOG_P.replace("y)", "(y + 1) / 2)")),
        says=["the labels are taken as 0 and 1"],
    ),
    both(
        "labels-ignored",
        WRONG_LOSS,
        "every label +1",
        (LOG_P, "log_p = LogNode(SigmoidNode(score))"),
        says=["counts as +1"],
    ),
    both(
        "labels-reversed",
        WRONG_LOSS,
        "a sign",
        (LOG_P, LOG_P.replace("y)", "-y)")),
        says=["the labels have changed sign"],
    ),
    both(
        "last-example",
        WRONG_LOSS,
        "no sum",
        ("total = log_p if total is None else AddNode(total, log_p)", "total = log_p"),
        says=["the last example alone counts"],
    ),
    both(
        "first-example",
        WRONG_LOSS,
        "returns in the loop",
        ("total = log_p if total is None else AddNode(total, log_p)", "total = total or log_p"),
        says=["the first example alone counts"],
    ),
    both("first-example-skipped", WRONG_LOSS, "begins at the second", ("in dataset:", "in dataset[1:]:")),
    both(
        "last-example-skipped", WRONG_LOSS, "a range that ends too early", ("in dataset:", "in dataset[:-1]:")
    ),
    both("four-examples", RIGHT_FOR_FOUR, "right for four examples", ("in dataset:", "in dataset[:4]:")),
    both(
        "two-columns",
        (3, 1),
        "right for x of two entries",
        ("InputNode(x, order)", "InputNode(x[:2], order)"),
        says=["ValueError"],
    ),
    both(
        "no-log",
        WRONG_LOSS,
        "Σ σ, without log",
        (LOG_P, LOG_P.replace("LogNode(", "(")),
    ),
    both(
        "log-of-sum",
        WRONG_LOSS,
        "log Σ σ for Σ log σ",
        (LOG_P, LOG_P.replace("LogNode(", "(")),
        (TOTAL, "ConstantMulNode(LogNode(total), -1)"),
    ),
    both(
        "squared-error",
        WRONG_LOSS,
        "Σ (1 − p)²",
        (
            LOG_P,
            """
            p = SigmoidNode(ConstantMulNode(score, -y))
            log_p = ConstantMulNode(PowerNode(p, 2), -1)""",
        ),
    ),
    both("no-sigmoid", WRONG_LOSS, "the margin", (LOG_P, "log_p = ConstantMulNode(score, y)")),
    both(
        "sigmoid-twice",
        WRONG_LOSS,
        "σ(σ(s))",
        (LOG_P, LOG_P.replace("SigmoidNode(", "SigmoidNode(SigmoidNode(").replace("y)", "y))")),
    ),
    both(
        "returned-the-other-way",
        (4, 6),
        "the loss first",
        (f", {TOTAL}\n", "\n"),
        ("        return (", f"        return {TOTAL}, ("),
    ),
    both("returns-a-number", (4, 6), "the value of the loss, not its node", (TOTAL, f"{TOTAL}.value")),
    both(
        "returns-nothing",
        (4, 6),
        "return is missing",
        ("    return compute_loss", "    pass"),
        says=["NoneType"],
    ),
    both(
        "graph-remembered",
        (4, 6),
        "the graph of the first call is returned at every call: no parameter counts, and nothing trains",
        ("    def compute_loss(", "    made = []\n    def compute_loss("),
        ("        order = []", "        if made: return made[0]\n        order = []"),
        ("        return (", "        made.append((("),
        (f", {TOTAL}\n", f", {TOTAL}))\n        return made[0]\n"),
    ),
    both(
        "examples-changed",
        (3, 5),
        "x *= y changes the dataset at every call",
        ("in dataset:", "in dataset:\n            x *= y"),
    ),
]

B = "InputNode(b_val, order)"
C = "InputNode(c_val, order)"
ONE_MODEL = [
    logistic(
        "bias-left-out",
        2,
        "w alone",
        ("AddNode(DotNode(w, InputNode(x, order)), b)", "DotNode(w, InputNode(x, order))"),
        says=["the bias b is left out"],
    ),
    logistic(
        "bias-detached",
        1,
        "b in the graph is another node than the one returned: its gradient is 0",
        ("order)), b)", f"order)), {B})"),
    ),
    logistic("w-detached", 2, "as above, with w", ("DotNode(w,", "DotNode(InputNode(w_val, order),")),
    logistic(
        "bias-without-label",
        2,
        "y wᵀx + b",
        ("AddNode(DotNode(w, InputNode(x, order)), b)", "DotNode(w, InputNode(x, order))"),
        ("ConstantMulNode(score, y)", "AddNode(ConstantMulNode(score, y), b)"),
    ),
    logistic("nodes-reversed", 1, "(b, w) is returned", ("return (w, b)", "return (b, w)")),
    logistic(
        "regularised",
        2,
        "a term that nobody asked for",
        (TOTAL, "AddNode(ConstantMulNode(total, -1), ConstantMulNode(DotNode(w, w), 1e-3))"),
    ),
    logistic(
        "simple-typed-in",
        3,
        "one dataset hard-coded: its training is right",
        ("in dataset:", "in SIMPLE_DATASET:"),
        says=["this is for the handout's simple dataset, not for the one given"],
    ),
    logistic(
        "xor-typed-in",
        4,
        "the other one",
        ("in dataset:", "in XOR_DATASET:"),
        says=["the handout's xor dataset"],
    ),
    network(
        "hidden-bias-left-out",
        2,
        "ReLU(Wx)",
        ("AddNode(MVMulNode(W, InputNode(x, order)), b)", "MVMulNode(W, InputNode(x, order))"),
        says=["the bias b is left out"],
    ),
    network(
        "hidden-bias-doubled",
        2,
        "ReLU(Wx + 2b)",
        ("order)), b)", "order)), AddNode(b, b))"),
        says=["the hidden bias counts twice"],
    ),
    network(
        "hidden-bias-detached",
        2,
        "its gradient is 0: the loss alone is right",
        ("order)), b)", f"order)), {B})"),
    ),
    network(
        "output-bias-left-out",
        2,
        "vᵀh",
        ("AddNode(DotNode(v, hidden), c)", "DotNode(v, hidden)"),
        says=["the bias c is left out"],
    ),
    network("output-bias-detached", 2, "as above", ("hidden), c)", f"hidden), {C})")),
    network("output-weights-detached", 2, "as above", ("DotNode(v,", "DotNode(InputNode(v_val, order),")),
    network("hidden-weights-detached", 2, "as above", ("MVMulNode(W,", "MVMulNode(InputNode(W_val, order),")),
    network("no-relu", 2, "a linear network", ("ReluNode(", "(")),
    network("sigmoid-for-relu", 2, "another activation", ("ReluNode(", "SigmoidNode(")),
    network(
        "relu-before-bias",
        2,
        "ReLU(Wx) + b",
        (
            "ReluNode(AddNode(MVMulNode(W, InputNode(x, order)), b))",
            "AddNode(ReluNode(MVMulNode(W, InputNode(x, order))), b)",
        ),
    ),
    network(
        "relu-at-the-end",
        3,
        "ReLU of the score",
        ("AddNode(DotNode(v, hidden), c)", "ReluNode(AddNode(DotNode(v, hidden), c))"),
    ),
    network(
        "output-bias-without-label",
        2,
        "y vᵀh + c",
        ("AddNode(DotNode(v, hidden), c)", "DotNode(v, hidden)"),
        ("ConstantMulNode(score, y)", "AddNode(ConstantMulNode(score, y), c)"),
    ),
    network(
        "b-and-v-exchanged",
        2,
        "two of one shape: (W, v, b, c) is returned",
        ("return (W, b, v, c)", "return (W, v, b, c)"),
        says=["b.grad"],
    ),
    network(
        "b-and-v-exchanged-at-the-call",
        5,
        "b and v are read in the wrong order",
        ("W, b, v, c = [", "W, v, b, c = ["),
    ),
    network(
        "network-xor-typed-in",
        5,
        "one dataset hard-coded: its training is right",
        ("in dataset:", "in XOR_DATASET:"),
        says=["this is for the handout's xor dataset, not for the one given"],
    ),
    network(
        "start-typed-in",
        5,
        "the handout's W, whatever is given",
        ("in (W_val,", "in (np.array([[-0.01, 0.07], [0.17, 0.0], [-0.04, -0.11]]),"),
    ),
]

DESCENTS = [  # loss, gradient and printing are right: 4 points; the training where it ends as it should
    descent("descent-plain", 0, "right: the plainest descent"),
    descent(
        "descent-goes-up",
        2,
        "the sign",
        (STEP, STEP.replace(" - ", " + ")),
        says=["the sign of the update is wrong"],
    ),
    descent(
        "rate-ignored",
        3,
        "1.0, as in the handout: elsewhere it runs away, and has no final loss",
        ("- lr *", "- 1.0 *"),
    ),
    descent("rate-doubled", 2, "2 lr", ("- lr *", "- 2 * lr *"), says=["the learning rate is doubled"]),
    descent("rate-halved", 2, "lr / 2", ("- lr *", "- 0.5 * lr *")),
    descent("rate-divided-by-parameters", 2, "lr / len(params)", ("- lr *", "- lr / len(params) *")),
    descent("rate-decays", 2, "lr / (i + 1)", ("- lr *", "- lr / (i + 1) *")),
    descent(
        "gradient-normalised",
        2,
        "a step of length lr",
        (STEP, STEP + " / (1e-12 + np.linalg.norm(nodes[j].grad))"),
    ),
    descent(
        "sign-of-gradient",
        2,
        "a step of lr by the sign alone",
        (STEP, STEP.replace("nodes[j].grad", "np.sign(nodes[j].grad)")),
    ),
    descent("count-ignored", 2, "1000 iterations, as in the handout", ("range(num_iters)", "range(1000)")),
    descent(
        "one-iteration-too-few",
        2,
        "range from 1",
        ("range(num_iters)", "range(1, num_iters)"),
        says=["one iteration too few"],
    ),
    descent(
        "one-iteration-too-many",
        2,
        "range to num_iters + 1",
        ("range(num_iters)", "range(num_iters + 1)"),
        says=["one iteration too many"],
    ),
    descent(
        "single-iteration",
        3,
        "returns in the loop: the loss that it prints is that of the start",
        ("range(num_iters)", "range(1)"),
        says=["this is a single iteration"],
    ),
    descent(
        "one-after-another",
        2,
        "each parameter with a loss of its own, after the one before it has moved",
        (
            STEP,
            "nodes, loss = f(*params)\n            loss.compute_grad()\n            " + STEP,
        ),
        (
            '    print("Final',
            '    loss = f(*params)[1]\n    print("Final',
        ),
        says=["the parameters are updated one after another"],
    ),
    descent(
        "list-not-changed",
        3,
        "works on a copy of the list",
        ("    for i in", "    params = list(params)\n    for i in"),
        says=["the entries of the list params were not replaced"],
    ),
    descent(
        "first-parameter-alone", 2, "one parameter", ("for j in range(len(params))", "for j in range(1)")
    ),
    descent(
        "last-parameter-forgotten",
        2,
        "a range too short",
        ("for j in range(len(params))", "for j in range(len(params) - 1)"),
    ),
    descent(
        "gradient-of-the-start",
        3,
        "gradient and loss are computed once",
        ("        nodes, loss = f(*params)", "        nodes, loss = f(*params) if i == 0 else (nodes, loss)"),
        ("= nodes[j].value", "= params[j]"),
    ),
    descent("gradient-of-the-first", 2, "one gradient for all", ("* nodes[j].grad", "* nodes[0].grad")),
    descent(
        "weight-decay", 2, "a term that nobody asked for", ("nodes[j].value -", "0.999 * nodes[j].value -")
    ),
    descent(
        "stops-early",
        1,
        "ends when the loss hardly falls",
        ("        nodes, loss", "        last = loss.value if i else np.inf\n        nodes, loss"),
        (
            "        loss.compute",
            "        if last - loss.value < 1e-3:\n            break\n        loss.compute",
        ),
    ),
    descent(
        "no-compute-grad-in-descent",
        4,
        "the gradients are all zero: nothing moves",
        ("        loss.compute_grad()\n", ""),
    ),
    descent(
        "prints-no-loss",
        1,
        "nothing is printed",
        ('    print("Final loss=%f" % loss.value)', "    return loss.value"),
        ('print("Iteration", i, "loss =", loss.value)', "pass"),
    ),
    descent(
        "prints-first-loss",
        1,
        "the loss of the start, as the final one",
        (
            "        nodes, loss = f(*params)",
            "        nodes, loss = f(*params)\n        start = loss.value if i == 0 else start",
        ),
        ("% loss.value", "% start"),
        says=["the final loss"],
    ),
    descent("prints-loss-scaled", 1, "the final loss by 4", ("% loss.value", "% (loss.value / 4)")),
    descent("prints-handout", 1, "0.013834, printed without being computed", ("% loss.value", "% 0.013834")),
]

CASES = {"both models": BOTH, "one model": ONE_MODEL, "gradient descent": DESCENTS}
