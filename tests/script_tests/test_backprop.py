"""Question 1: every node against finite differences, the graph's theorems, the models against plain numpy.

The finite differences are taken under a random upstream gradient and with no two axes of equal length: with
ones upstream, or square matrices, a wrong rule passes.
"""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import backprop as bp

ROOT = Path(bp.__file__).parent

# part and name: how the node is made from its children, and the shapes of the children
NODES = {
    "AddNode": (bp.AddNode, [(3,), (3,)]),
    "AddNode-scalars": (bp.AddNode, [(), ()]),
    "AddNode-matrices": (bp.AddNode, [(2, 3), (2, 3)]),
    "MulNode": (bp.MulNode, [(4,), (4,)]),
    "MulNode-matrices": (bp.MulNode, [(2, 3), (2, 3)]),
    "PowerNode-3": (lambda n: bp.PowerNode(n, 3), [(2, 3)]),
    "PowerNode-half": (lambda n: bp.PowerNode(n, 0.5), [(3,)]),
    "PowerNode-minus-2": (lambda n: bp.PowerNode(n, -2), [()]),
    "ReluNode": (lambda n: bp.ReluNode(bp.AddNode(n, bp.ConstantMulNode(bp.MulNode(n, n), -0.7))), [(2, 5)]),
    "ConstantMulNode": (lambda n: bp.ConstantMulNode(n, -2.5), [(3, 2)]),
    "1b-LogNode": (bp.LogNode, [(3,)]),
    "1b-LogNode-scalar": (bp.LogNode, [()]),
    "1e-SigmoidNode": (bp.SigmoidNode, [(2, 3)]),
    "1e-SigmoidNode-scalar": (bp.SigmoidNode, [()]),
    "1g-DotNode": (bp.DotNode, [(4,), (4,)]),
    "1l-MVMulNode": (bp.MVMulNode, [(3, 2), (2,)]),
    "1l-MVMulNode-wide": (bp.MVMulNode, [(2, 5), (5,)]),
}


def inputs(values):
    topo_order = []
    return [bp.InputNode(value, topo_order) for value in values]


def central_differences(f, values, step=1e-6):
    """The gradient of the number f(*values) with respect to each value, entry by entry."""
    gradients = []
    for i, value in enumerate(values):
        gradient = np.zeros(np.shape(value))
        for entry in np.ndindex(gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [np.array(v, dtype=float) for v in values]
                moved[i][entry] += sign * step
                ends.append(f(*moved))
            gradient[entry] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


@pytest.mark.parametrize("name", NODES)
def test_node_adds_g_times_the_local_derivative(name):
    make, shapes = NODES[name]
    rng = np.random.default_rng(len(name))
    values = [rng.uniform(0.3, 2, shape) for shape in shapes]
    g = rng.normal(size=np.shape(make(*inputs(values)).value))

    children = inputs(values)
    before = [rng.normal(size=shape) for shape in shapes]
    for child, start in zip(children, before):
        child.grad = start + 0.0
    output = make(*children)
    output.grad = g
    for node in reversed(output.topo_order):
        node.backward()

    expected = central_differences(lambda *moved: np.sum(g * make(*inputs(moved)).value), values)
    for child, start, want in zip(children, before, expected):
        np.testing.assert_allclose(child.grad - start, want, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize(
    "make, formula",
    [
        (bp.LogNode, np.log),
        (bp.SigmoidNode, lambda x: 1 / (1 + np.exp(-x))),
        (bp.ReluNode, lambda x: np.where(x > 0, x, 0)),
        (lambda n: bp.PowerNode(n, 3), lambda x: x * x * x),
        (lambda n: bp.ConstantMulNode(n, -3), lambda x: -3 * x),
    ],
    ids=["log", "sigmoid", "relu", "power", "constant"],
)
def test_node_values(make, formula):
    x = np.array([[0.5, 1.5, 2.5], [0.1, 3.0, 7.0]])
    (node,) = inputs([x])
    np.testing.assert_allclose(make(node).value, formula(x), rtol=1e-15)


def test_node_values_of_products():
    M, v = inputs([[[1, 2], [3, 4], [5, 6]], [10, 100]])
    np.testing.assert_array_equal(bp.MVMulNode(M, v).value, [210, 430, 650])
    assert bp.DotNode(v, v).value == 10100
    assert isinstance(bp.DotNode(v, v).value, np.float64)


def test_sigmoid_far_out():
    x, g = np.array([-800.0, -40.0, 0.0, 40.0, 800.0]), np.ones(5)
    (n,) = inputs([x])
    u = bp.SigmoidNode(n)
    u.grad = g
    u.backward()
    np.testing.assert_allclose(u.value, [0, 4.248354255291589e-18, 0.5, 1, 1], rtol=1e-12)
    np.testing.assert_allclose(n.grad, [0, 4.248354255291589e-18, 0.25, 0, 0], rtol=1e-12)


def test_relu_at_the_kink_and_power_zero():
    (n,) = inputs([[-1.0, 0.0, 2.0]])
    relu, power = bp.ReluNode(n), bp.PowerNode(n, 0)
    relu.grad, power.grad = np.array([3.0, 5.0, 7.0]), np.array([1.0, 1.0, 1.0])
    relu.backward()
    power.backward()
    np.testing.assert_array_equal(n.grad, [0, 0, 7])
    np.testing.assert_array_equal(power.value, [1, 1, 1])


# the graph


@pytest.mark.parametrize("make", [bp.AddNode, bp.MulNode, bp.DotNode])
def test_one_node_as_both_children(make):
    x = np.array([2.0, -3.0, 5.0])
    (n,) = inputs([x])
    y = make(n, n)
    g = np.array([1.0, 10.0, 100.0]) if y.value.shape else np.float64(7)
    y.grad = g
    y.backward()
    np.testing.assert_array_equal(n.grad, 2 * g * (1 if make is bp.AddNode else x))


@pytest.mark.parametrize("used_as", ["M", "v"])
def test_a_matrix_product_whose_child_is_used_twice(used_as):
    rng = np.random.default_rng(3)
    M1, M2, v1, v2, g = (rng.normal(size=shape) for shape in [(3, 2), (3, 2), (2,), (2,), (3,)])
    if used_as == "M":
        M, a, b = inputs([M1, v1, v2])
        first, second, shared, want = bp.MVMulNode(M, a), bp.MVMulNode(M, b), M, np.outer(g, v1 + v2)
    else:
        v, a, b = inputs([v1, M1, M2])
        first, second, shared, want = bp.MVMulNode(a, v), bp.MVMulNode(b, v), v, (M1 + M2).T @ g
    output = bp.DotNode(bp.AddNode(first, second), bp.InputNode(g, shared.topo_order))
    output.compute_grad()
    np.testing.assert_allclose(shared.grad, want, rtol=1e-13)


@pytest.mark.parametrize("make", [bp.LogNode, bp.SigmoidNode, bp.ReluNode])
def test_two_nodes_on_one_child(make):
    (n,) = inputs([np.float64(0.8)])
    one = make(n)
    one.compute_grad()
    single = n.grad
    bp.AddNode(make(n), make(n)).compute_grad()
    assert n.grad == 2 * single != 0


def test_diamond():
    """y = x² log x by two ways that meet again: dy/dx = 2 x log x + x."""
    (x,) = inputs([3])
    bp.MulNode(bp.PowerNode(x, 2), bp.LogNode(x)).compute_grad()
    assert x.grad == pytest.approx(6 * np.log(3) + 3, rel=1e-14)


def test_compute_grad_twice_is_not_doubled():
    a, b = inputs([[1.0, 2.0], [3.0, 5.0]])
    y = bp.LogNode(bp.DotNode(a, b))
    y.compute_grad()
    first = [node.grad for node in (a, b)]
    kept = [np.array(grad) for grad in first]
    y.compute_grad()
    for node, grad, copy in zip((a, b), first, kept):
        np.testing.assert_array_equal(node.grad, copy)
        np.testing.assert_array_equal(grad, copy, err_msg="the gradient that was taken away was changed")


def test_compute_grad_of_a_node_in_the_middle():
    """What was computed after the output has no part in it, not even as 0 times infinity."""
    (x,) = inputs([0.0])
    y = bp.ConstantMulNode(x, 4)
    with np.errstate(divide="ignore"):
        later = bp.LogNode(x)
    y.compute_grad()
    assert (x.grad, later.grad) == (4, 0)


def test_a_chain_of_100_000_nodes():
    (x,) = inputs([1.0])
    y = x
    for _ in range(100_000):
        y = bp.ConstantMulNode(y, 1.00001)
    y.compute_grad()
    assert x.grad == pytest.approx(np.e, rel=1e-4)
    assert len(y.topo_order) == 100_001


def test_inputs_are_taken_as_float64_copies():
    mine = np.array([[1, 2], [3, 4]])
    floats = np.array([5.0, 6.0])
    M, v, s = inputs([mine, floats, 7])
    assert M.value.dtype == v.value.dtype == np.float64
    assert isinstance(s.value, np.float64)
    bp.DotNode(v, bp.MVMulNode(M, v)).compute_grad()
    for array, node in itertools.product((mine, floats), (M, v)):
        assert not np.shares_memory(array, node.grad)
        assert not np.shares_memory(array, node.value)
    np.testing.assert_array_equal(mine, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(floats, [5, 6])


def test_gradients_share_no_memory():
    """y = n1 + n2 hands g on: were it the same array, the next += would reach into a sibling."""
    a, b, w = inputs([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    total = bp.AddNode(a, b)
    bp.DotNode(bp.AddNode(total, a), w).compute_grad()
    np.testing.assert_array_equal(a.grad, [10, 14])
    np.testing.assert_array_equal(b.grad, [5, 7])
    assert not np.shares_memory(a.grad, b.grad)


def other_graph(shape):
    return bp.InputNode(np.ones(shape), [])


@pytest.mark.parametrize(
    "make, shapes",
    [
        (bp.AddNode, [(2,), (3,)]),
        (bp.AddNode, [(2,), ()]),
        (bp.AddNode, [(2, 1), (1, 2)]),
        (bp.MulNode, [(2,), (1,)]),
        (bp.MulNode, [(3, 2), (2,)]),
        (bp.DotNode, [(2,), (3,)]),
        (bp.DotNode, [(2, 2), (2, 2)]),
        (bp.DotNode, [(), ()]),
        (bp.MVMulNode, [(3, 2), (3,)]),
        (bp.MVMulNode, [(2,), (2,)]),
        (bp.MVMulNode, [(2, 2), (2, 2)]),
        (bp.MVMulNode, [(2, 2), ()]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(make, shapes):
    children = inputs([np.ones(shape) for shape in shapes])
    with pytest.raises(ValueError) as error:
        make(*children)
    for part in (make.__name__, *map(str, shapes)):
        assert part in str(error.value)
    assert len(children[0].topo_order) == 2, "the refused node must not stay in the graph"


@pytest.mark.parametrize(
    "make, shapes", [(make, shapes) for make, shapes in NODES.values() if len(shapes) == 2]
)
def test_children_of_two_graphs_are_refused(make, shapes):
    with pytest.raises(ValueError, match="two different graphs"):
        make(*map(other_graph, shapes))


def test_a_constant_must_be_a_number():
    (n,) = inputs([[1.0, 2.0]])
    for make in (bp.ConstantMulNode, bp.PowerNode):
        with pytest.raises((TypeError, ValueError)):
            make(n, np.array([1.0, 2.0]))


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1)])
def test_compute_grad_wants_a_scalar(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        other_graph(shape).compute_grad()


# the gradient checks (1h, 1m)

A, B, C = np.array([3.0, 2.0]), np.array([-2.0, 7.0]), np.array([1.0, -4.0])
M, V = np.array([[2.0, -1.0], [0.0, 3.0]]), np.array([1.0, -3.0])


def max_differences(printed):
    return [float(number) for number in re.findall(r"Max difference.*: (\S+)", printed)]


def test_1h_gradient_check_1(capsys):
    bp.gradient_check_1(A, B, C)
    printed = capsys.readouterr().out
    assert "Computed value of f(a, b, c): 2.0593629889\n" in printed
    assert len(max_differences(printed)) == 3
    assert max(max_differences(printed)) < 1e-7


def test_1m_gradient_check_2(capsys):
    bp.gradient_check_2(M, V)
    printed = capsys.readouterr().out
    assert "Computed value of f(M, v): 5\n" in printed
    assert len(max_differences(printed)) == 2
    assert max(max_differences(printed)) < 1e-7


@pytest.mark.parametrize(
    "check, tests, broken, lost",
    [
        (bp.gradient_check_1, (A, B, C), bp.LogNode, (0, 1)),
        (bp.gradient_check_1, (A, B, C), bp.SigmoidNode, (0, 2)),
        (bp.gradient_check_2, (M, V), bp.MVMulNode, (0, 1)),
    ],
)
def test_the_checks_see_a_broken_node(check, tests, broken, lost, capsys, monkeypatch):
    monkeypatch.setattr(broken, "backward", lambda self: None)
    check(*tests)
    differences = max_differences(capsys.readouterr().out)
    assert [i for i, difference in enumerate(differences) if difference > 1e-3] == list(lost)


def test_the_numerical_gradient_uses_epsilon(capsys, monkeypatch):
    monkeypatch.setattr(bp, "EPSILON", 1.0)
    bp.gradient_check_1(A, B, C)
    by_hand = (
        np.log((A + [1, 0]) @ B)
        - 3 / (1 + np.exp(-(A + [1, 0]) @ C))
        - (np.log(A @ B) - 3 / (1 + np.exp(-A @ C)))
    )
    assert f"{by_hand:.7f}" in capsys.readouterr().out


def test_the_checks_leave_their_inputs_alone(capsys):
    ints = [np.array([3, 2]), np.array([-2, 7]), np.array([1, -4])]
    bp.gradient_check_1(*ints)
    np.testing.assert_array_equal(ints, [[3, 2], [-2, 7], [1, -4]])
    assert max(max_differences(capsys.readouterr().out)) < 1e-7


# the models (1i, 1n)


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def random_dataset(n, d, seed):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=d), int(rng.choice([-1, 1]))) for _ in range(n)]


def test_1i_logistic_regression_is_its_formula():
    dataset = random_dataset(7, 3, seed=1)
    X, y = np.array([x for x, _ in dataset]), np.array([y for _, y in dataset])
    w_val, b_val = np.array([0.5, -1.0, 2.0]), 0.3
    (w, b), total_loss = bp.make_logistic_regression(dataset)(w_val, b_val)
    total_loss.compute_grad()
    s = X @ w_val + b_val
    assert total_loss.value == pytest.approx(-np.log(sigmoid(y * s)).sum(), rel=1e-13)
    np.testing.assert_allclose(w.grad, -(y * sigmoid(-y * s)) @ X, rtol=1e-12)
    assert b.grad == pytest.approx(-(y * sigmoid(-y * s)).sum(), rel=1e-12)


def network_loss(dataset, W, b, v, c):
    return sum(-np.log(sigmoid(y * (v @ np.maximum(W @ x + b, 0) + c))) for x, y in dataset)


def test_1n_neural_network_is_its_formula():
    dataset = random_dataset(6, 3, seed=2)
    rng = np.random.default_rng(5)
    values = [rng.normal(size=shape) for shape in [(4, 3), (4,), (4,), ()]]
    nodes, total_loss = bp.make_neural_network(dataset)(*values)
    total_loss.compute_grad()
    assert total_loss.value == pytest.approx(network_loss(dataset, *values), rel=1e-13)
    for node, want in zip(nodes, central_differences(lambda *p: network_loss(dataset, *p), values)):
        assert np.shape(node.grad) == np.shape(want)
        np.testing.assert_allclose(node.grad, want, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("make", [bp.make_logistic_regression, bp.make_neural_network])
@pytest.mark.parametrize("dataset, match", [([], "0 examples"), ([(np.ones(2), 0)], r"1 or -1.*\[0\]")])
def test_datasets_that_are_refused(make, dataset, match):
    with pytest.raises(ValueError, match=match):
        make(dataset)


def test_datasets_of_the_handout():
    assert [(list(x), y) for x, y in bp.SIMPLE_DATASET] == [
        ([2, 2], 1),
        ([1, 0], 1),
        ([1, 2], -1),
        ([0, -1], -1),
    ]
    assert [(list(x), y) for x, y in bp.XOR_DATASET] == [([0, 0], -1), ([1, 1], -1), ([1, 0], 1), ([0, 1], 1)]
    for x, y in bp.SIMPLE_DATASET + bp.XOR_DATASET:
        assert x.dtype == np.float64
        assert type(y) is int


def test_gradient_descent_updates_all_parameters_at_once(capsys):
    """f = p q from (2, 3): all at once gives (2 - 3 lr, 3 - 2 lr); one after another would give another q."""

    def f(p_val, q_val):
        p, q = inputs([p_val, q_val])
        return (p, q), bp.MulNode(p, q)

    params = [2.0, 3.0]
    losses = bp.gradient_descent(f, params, 0.1, 1)
    assert params == pytest.approx([1.7, 2.8], rel=1e-15)
    assert losses == [6]
    assert capsys.readouterr().out == "Iteration 0: loss=6.000000\nFinal loss=6.000000\n"


def test_gradient_descent_replaces_the_entries_of_the_list_only(capsys):
    w, b = np.array([0.5, 0.5]), np.float64(1)
    params = same_list = [w, b]
    losses = bp.gradient_descent(bp.make_logistic_regression(bp.SIMPLE_DATASET), params, 0.1, 250)
    assert params is same_list
    assert params[0] is not w
    np.testing.assert_array_equal(w, [0.5, 0.5])
    assert len(losses) == 250
    assert np.all(np.diff(losses) < 0), "at this rate the loss of a convex problem falls all the way"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["Iteration 0", "Iteration 100", "Iteration 200"]
    assert lines[-1] == f"Final loss={losses[-1]:.6f}"


@pytest.mark.parametrize("train", [bp.logreg, bp.neural])
@pytest.mark.parametrize("lr", [1e3, 1e6, 1e308])
def test_divergence_is_said_with_iteration_loss_and_rate(train, lr, capsys):
    with pytest.raises(
        ValueError, match=rf"at iteration \d+ the loss is (inf|nan): lr = {re.escape(str(lr))}"
    ):
        train(lr=lr)


def test_gradient_descent_empties_the_graphs_that_it_has_used(capsys):
    """So that they are freed at once; a caller that keeps one learns why it is of no more use."""
    kept, f = [], bp.make_logistic_regression(bp.XOR_DATASET)
    bp.gradient_descent(lambda *params: kept.append(f(*params)) or kept[-1], [np.zeros(2), 0.0], 1.0, 2)
    for _, loss in kept:
        with pytest.raises(ValueError, match="the graph is empty"):
            loss.compute_grad()


def test_gradient_descent_needs_an_iteration():
    with pytest.raises(ValueError, match="num_iters=0"):
        bp.gradient_descent(bp.make_logistic_regression(bp.XOR_DATASET), [np.zeros(2), 0.0], 1.0, 0)


@pytest.mark.parametrize(
    "f, params, lr, match",
    [
        (lambda w: (inputs([w]), inputs([w])[0]), [np.ones(2)], 1.0, "needs a scalar.*(2,)"),
        (lambda w, b: (inputs([w]), inputs([b])[0]), [1.0, 2.0], 1.0, "1 nodes for the 2 entries"),
        (lambda w: (inputs([w]), inputs([w])[0]), (1.0,), 1.0, "params must be a list.*tuple"),
        (lambda w: (inputs([w]), inputs([w])[0]), [1.0], float("nan"), "lr=nan"),
    ],
)
def test_gradient_descent_refuses_in_the_words_of_the_argument(f, params, lr, match):
    with pytest.raises(ValueError, match=match):
        bp.gradient_descent(f, params, lr, 3)


@pytest.mark.parametrize("make", [bp.make_logistic_regression, bp.make_neural_network])
def test_a_dataset_may_be_a_zip(make):
    values = [[np.zeros(2), 0.0], [np.zeros((3, 2)), np.zeros(3), np.ones(3), 0.0]][
        make is bp.make_neural_network
    ]
    compute_loss = make(zip(*zip(*bp.XOR_DATASET)))
    assert [compute_loss(*values)[1].value for _ in range(2)] == pytest.approx([4 * np.log(2)] * 2)


# the command line


@pytest.mark.parametrize(
    "line, last_line",
    [
        ("logreg", "Final loss=0.013834"),
        ("logreg -d simple", "Final loss=0.013834"),
        ("logreg --dataset xor", "Final loss=2.772589"),
        ("neural", "Final loss=0.018624"),
        ("-d xor neural", "Final loss=0.018624"),
        ("neural --lr 0.2 --iters 1", "Final loss=2.774852"),
    ],
)
def test_figures_of_the_handout(line, last_line, command, tmp_path):
    status, out, err = command(f"backprop.py {line}")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == last_line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode, figure", [("grad_check_1", "2.0593629889"), ("grad_check_2", "5")])
def test_figures_of_the_gradient_checks(mode, figure, command):
    status, out, err = command(f"backprop.py {mode}")
    assert (status, err) == (0, "")
    assert re.search(rf"^Computed value of f\(.*\): {figure}$", out, re.MULTILINE)
    assert max(max_differences(out)) < 1e-7


@pytest.mark.parametrize("mode", ["logreg", "neural"])
@pytest.mark.parametrize("dataset", ["simple", "xor"])
def test_plot(mode, dataset, command, tmp_path, undrawn):
    status, _, err = command(f"backprop.py {mode} -d {dataset} --plot --iters 60")
    assert (status, err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [f"{mode}_{dataset}.png"]


def test_plotted_probability_is_the_models():
    x, w, b = np.array([0.3, -2.0]), np.array([1.5, 0.2]), 0.1
    probability = bp.probability(bp.make_logistic_regression, [w, b], x)
    assert probability == pytest.approx(sigmoid(w @ x + b), rel=1e-14)


@pytest.mark.parametrize(
    "line, message",
    [
        ("logreg --lr 1e3", "at iteration 1 the loss is inf: lr = 1000.0 is too large"),
        ("neural --lr 1e6", "at iteration 1 the loss is inf: lr = 1000000.0 is too large"),
        ("neural --lr 0", "lr=0.0: the learning rate must be above 0"),
        ("neural --lr nan", "lr=nan: the learning rate must be finite"),
        ("neural --iters -3", "num_iters=-3: gradient descent needs at least 1 iteration"),
        ("neural --iters 1.5", "argument --iters: invalid int value: '1.5'"),
        ("grad_check_1 --plot", "unrecognized arguments: --plot"),
        ("grad_check_2 -d xor", "unrecognized arguments: -d xor"),
        ("neural -d moons", "argument -d/--dataset: invalid choice: 'moons'"),
        ("", "the following arguments are required: mode"),
    ],
)
def test_bad_input_gets_one_line(line, message, command):
    status, _, err = command(f"backprop.py {line}")
    assert status == 2
    assert err.startswith(f"backprop.py: error: {message}")
    assert err.count("\n") == 1
