"""Backpropagation by hand: nodes, gradient checks, logistic regression, a small neural network (question 1).

    python3 backprop.py grad_check_1          backprop against numerical gradients          (1h)
    python3 backprop.py logreg -d xor         logistic regression on simple or xor          (1i, 1j)
    python3 backprop.py grad_check_2          backprop against numerical gradients          (1m)
    python3 backprop.py neural --plot         the network on xor, drawn: neural_xor.png     (1n)

    x, a, b, c, v, w   a number or a vector (d,)            M, W   a matrix (p, d)
    u     the value of a node                               y      the label +1 or -1 of an example (x, y)
    f     the scalar at the end of a graph                  g      df/du: the gradient of the node itself
    σ     the sigmoid, σ(x) = 1 / (1 + exp(-x))             lr     the learning rate

A graph is built by computing: each node holds its value, and a list that the whole graph shares holds the
nodes in the order in which they were made, children first: a topological order. Backpropagation walks that
list from the end; each node adds its share of the chain rule, g times a local derivative, to its children.
"""

import argparse
import contextlib
import itertools
import math
import os
import shutil
import sys
from pathlib import Path

if __name__ == "__main__":  # Ctrl-C during the imports needs no traceback either
    sys.excepthook = lambda kind, *error: kind is KeyboardInterrupt or sys.__excepthook__(kind, *error)

import numpy as np
from scipy.special import expit

EPSILON = 1e-8  # the step of the numerical gradients
ZERO = np.float64(0)


def examples(*rows):
    """Pairs of x and y from triples x1, x2, y."""
    return [(np.array([x1, x2], dtype=np.float64), y) for x1, x2, y in rows]


SIMPLE_DATASET = examples((2, 2, 1), (1, 0, 1), (1, 2, -1), (0, -1, -1))
XOR_DATASET = examples((0, 0, -1), (1, 1, -1), (1, 0, 1), (0, 1, 1))
DATASETS = {"simple": SIMPLE_DATASET, "xor": XOR_DATASET}


# 1a to 1g, 1k, 1l: the nodes


class Node:
    """What all nodes share: a value u, its gradient g = df/du, and the graph that it joins.

    Nothing is ever broadcast: children whose shapes do not fit the node's docstring, or that belong to two
    different graphs, raise ValueError.
    """

    grad = ZERO  # until compute_grad gives every node a zero of its own shape

    def __init__(self, *children, fit=True):
        """Join the graph of the children, if they go together."""
        self.topo_order = children[0].topo_order
        if not fit or children[-1].topo_order is not self.topo_order:
            why = "they belong to two different graphs" if fit else "they do not fit"
            shapes = " and ".join(str(child.value.shape) for child in children)
            raise ValueError(f"{type(self).__name__} of shapes {shapes}: {why}")
        self.topo_order.append(self)

    def backward(self):
        """Add this node's share, g times the local derivative, to the gradients of its children."""

    def compute_grad(self):
        """Set `grad` in all nodes of the graph to the derivative of this one.   Not a scalar: ValueError."""
        if self.value.shape != ():
            raise ValueError(f"compute_grad needs a scalar, but the value has shape {self.value.shape}")
        if not self.topo_order:
            raise ValueError("compute_grad: the graph is empty, as it is left after a step of training")
        for node in self.topo_order:
            shape = node.value.shape
            node.grad = np.zeros(shape) if shape else ZERO
        self.grad = np.float64(1)
        # what was computed after this node has no part in it
        for node in itertools.dropwhile(lambda node: node is not self, reversed(self.topo_order)):
            node.backward()


class InputNode(Node):
    """u = the given number or array, copied as float64.   It has no children: its g is the answer, df/du.

    The first node of a graph is given an empty list; every later input is given that same list.
    """

    def __init__(self, value, topo_order):
        self.value = np.array(value, dtype=np.float64)[()]
        self.topo_order = topo_order
        topo_order.append(self)


class AddNode(Node):
    """u = n1 + n2, of one shape.   n1.grad += g,   n2.grad += g."""

    def __init__(self, n1, n2):
        super().__init__(n1, n2, fit=n1.value.shape == n2.value.shape)
        self.n1, self.n2 = n1, n2
        self.value = n1.value + n2.value

    def backward(self):
        self.n1.grad += self.grad
        self.n2.grad += self.grad


class MulNode(Node):
    """u = n1 * n2, entry by entry, of one shape.   n1.grad += g n2,   n2.grad += g n1."""

    def __init__(self, n1, n2):
        super().__init__(n1, n2, fit=n1.value.shape == n2.value.shape)
        self.n1, self.n2 = n1, n2
        self.value = n1.value * n2.value

    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class PowerNode(Node):
    """u = x^power, entry by entry, where power is a number.   x.grad += g power x^(power - 1)."""

    def __init__(self, n, power):
        self.n, self.power = n, float(power)
        super().__init__(n)
        self.value = n.value**self.power

    def backward(self):
        if self.power != 0:  # x^0 is constant, also at x = 0, where the rule would say 0 * inf
            self.n.grad += self.grad * self.power * self.n.value ** (self.power - 1)


class ReluNode(Node):
    """u = max(x, 0), entry by entry.   x.grad += g [x > 0], so the slope at the kink is taken as 0."""

    def __init__(self, n):
        super().__init__(n)
        self.n = n
        self.value = np.maximum(n.value, 0.0)

    def backward(self):
        self.n.grad += self.grad * np.sign(self.value)  # u is never negative: its sign is [x > 0]


class ConstantMulNode(Node):
    """u = a x, where a is a number and no node.   x.grad += g a."""

    def __init__(self, n, a):
        self.n, self.a = n, float(a)
        super().__init__(n)
        self.value = n.value * self.a

    def backward(self):
        self.n.grad += self.grad * self.a


class LogNode(Node):
    """u = log(x), entry by entry.   x.grad += g / x.   (1a, 1b)"""

    def __init__(self, n):
        super().__init__(n)
        self.n = n
        self.value = np.log(n.value)

    def backward(self):
        self.n.grad += self.grad / self.n.value


class SigmoidNode(Node):
    """u = σ(x), entry by entry.   x.grad += g u (1 - u).   (1c, 1d, 1e)

    The rule is in u, which the node already holds: in x it would take a second exp.
    """

    def __init__(self, n):
        super().__init__(n)
        self.n = n
        self.value = expit(n.value)

    def backward(self):
        u = self.value
        self.n.grad += self.grad * u * (1 - u)


class DotNode(Node):
    """u = n1ᵀ n2, two vectors (d,).   n1.grad += g n2,   n2.grad += g n1.   (1f, 1g)"""

    def __init__(self, n1, n2):
        super().__init__(n1, n2, fit=n1.value.ndim == 1 and n1.value.shape == n2.value.shape)
        self.n1, self.n2 = n1, n2
        self.value = n1.value.dot(n2.value)

    def backward(self):
        self.n1.grad += self.grad * self.n2.value  # (d,) = () (d,)
        self.n2.grad += self.grad * self.n1.value


class MVMulNode(Node):
    """u = M v, a matrix (p, d) times a vector (d,).   M.grad += g vᵀ,   v.grad += Mᵀ g.   (1k, 1l)"""

    def __init__(self, M, v):
        super().__init__(M, v, fit=M.value.ndim == 2 and M.value.shape[1:] == v.value.shape)
        self.M, self.v = M, v
        self.value = M.value.dot(v.value)

    def backward(self):
        self.M.grad += self.grad[:, None].dot(self.v.value[None, :])  # (p, d) = (p, 1) (1, d)
        self.v.grad += self.grad.dot(self.M.value)  # (d,) = (p,) (p, d): Mᵀ g


# 1h, 1m: gradient checks


def gradient_check_1(a_test, b_test, c_test):
    """Check backprop on f(a, b, c) = log(aᵀb) - 3 σ(aᵀc), three vectors (d,), and print.   (1h)"""

    def f(a_val, b_val, c_val):
        a = InputNode(a_val, [])
        b, c = InputNode(b_val, a.topo_order), InputNode(c_val, a.topo_order)
        log = LogNode(DotNode(a, b))
        sigmoid = SigmoidNode(DotNode(a, c))
        return (a, b, c), AddNode(log, ConstantMulNode(sigmoid, -3))

    check_gradients("f(a, b, c)", f, {"a": a_test, "b": b_test, "c": c_test})


def gradient_check_2(M_test, v_test):
    """Check backprop on f(M, v) = vᵀ ReLU(M v), M (d, d) and v (d,), and print.   (1m)"""

    def f(M_val, v_val):
        M = InputNode(M_val, [])
        v = InputNode(v_val, M.topo_order)
        return (M, v), DotNode(v, ReluNode(MVMulNode(M, v)))

    check_gradients("f(M, v)", f, {"M": M_test, "v": v_test})


def check_gradients(name, f, tests):
    """Print the value of f, and of each input the numerical and the backprop gradient and how they differ."""
    inputs, output = f(*tests.values())
    output.compute_grad()
    print(f"Computed value of {name}: {output.value:.11g}")
    for i, (letter, node) in enumerate(zip(tests, inputs)):
        numerical = numerical_gradient(f, list(tests.values()), i)
        print(f"\nNumerical gradient of {letter}:\n{numerical}")
        print(f"Backprop gradient of {letter}:\n{node.grad}")
        print(f"Max difference for {letter}: {np.max(np.abs(numerical - node.grad)):.3g}")


def numerical_gradient(f, values, i):
    """Forward differences (f(… x + ε e …) - f(x)) / ε for each entry of the input number i."""
    start = f(*values)[1].value
    gradient = np.zeros(np.shape(values[i]))
    for entry in np.ndindex(gradient.shape):
        moved = [np.array(value, dtype=np.float64) for value in values]
        moved[i][entry] += EPSILON
        gradient[entry] = (f(*moved)[1].value - start) / EPSILON
    return gradient


# 1i, 1n: models and training


def make_logistic_regression(dataset):
    """Return compute_loss(w_val, b_val) -> ((w, b), total_loss), the loss -Σ log σ(y (wᵀx + b)).   (1i)

    w (d,), b a number; summed over the examples (x, y), not averaged.
    A dataset without examples, or with a label other than 1 and -1, raises ValueError.
    """
    dataset = checked(dataset)

    def compute_loss(w_val, b_val):
        w = InputNode(w_val, [])
        b = InputNode(b_val, w.topo_order)
        return (w, b), negative_log_likelihood(dataset, w.topo_order, lambda x: AddNode(DotNode(w, x), b))

    return compute_loss


def make_neural_network(dataset):
    """Return compute_loss(W_val, b_val, v_val, c_val) -> ((W, b, v, c), total_loss).   (1n)

    The loss -Σ log σ(y (vᵀ ReLU(W x + b) + c)) of two layers with a ReLU between: W (p, d), b and v (p,), c a
    number.   Sums and errors as for logistic regression.
    """
    dataset = checked(dataset)

    def compute_loss(W_val, b_val, v_val, c_val):
        W = InputNode(W_val, [])
        b, v, c = (InputNode(value, W.topo_order) for value in (b_val, v_val, c_val))

        def score(x):
            hidden = ReluNode(AddNode(MVMulNode(W, x), b))
            return AddNode(DotNode(v, hidden), c)

        return (W, b, v, c), negative_log_likelihood(dataset, W.topo_order, score)

    return compute_loss


def checked(dataset):
    """The examples as a list: a zip could be walked only once."""
    dataset = list(dataset)
    labels = [y for _, y in dataset]
    if not labels:
        raise ValueError("the dataset has 0 examples, but a loss needs at least 1")
    if not set(labels) <= {1, -1}:
        raise ValueError(f"labels must be 1 or -1, but the dataset has {sorted(set(labels))}")
    return dataset


def negative_log_likelihood(dataset, topo_order, score):
    """-Σ log P(y | x) with P(y | x) = σ(y score(x)), since σ(-s) = 1 - σ(s).   Both losses are this sum."""
    total = None
    for x, y in dataset:
        log_p = LogNode(SigmoidNode(ConstantMulNode(score(InputNode(x, topo_order)), y)))
        total = log_p if total is None else AddNode(total, log_p)
    return ConstantMulNode(total, -1)


@np.errstate(divide="ignore", over="ignore", invalid="ignore")  # what overflows is reported below, once
def gradient_descent(f, params, lr, num_iters):
    """Minimise the loss of f, a compute_loss as above, from the values in the list params.   (1i)

    Each iteration replaces the entries of params by value - lr gradient, all at once; the arrays that stood
    there stay as they are.   The graph that f returns, a new one at each call, is emptied after its step.
    Prints the loss every 100 iterations and at the end.   Returns the losses, one an iteration, each from
    before the update: the last is the final loss, as in the starter.
    A loss that is no longer finite or no scalar, params that are no list or do not match what f returns,
    lr = nan and num_iters < 1 raise ValueError.
    """
    if num_iters < 1:
        raise ValueError(f"num_iters={num_iters}: gradient descent needs at least 1 iteration")
    if not math.isfinite(lr):
        raise ValueError(f"lr={lr}: the learning rate must be finite")
    if not isinstance(params, list):
        raise ValueError(f"params must be a list, whose entries are replaced, not a {type(params).__name__}")
    losses = []
    for i in range(num_iters):
        nodes, total_loss = f(*params)
        if len(nodes) != len(params):
            raise ValueError(f"f returned {len(nodes)} nodes for the {len(params)} entries of params")
        total_loss.compute_grad()
        losses.append(float(total_loss.value))
        if not math.isfinite(losses[-1]):
            raise ValueError(f"at iteration {i} the loss is {losses[-1]}: lr = {lr} is too large")
        if i % 100 == 0:
            print(f"Iteration {i}: loss={losses[-1]:.6f}")
        params[:] = [node.value - lr * node.grad for node in nodes]
        total_loss.topo_order.clear()  # nodes and list hold each other: parted, they are freed at once
    print(f"Final loss={losses[-1]:.6f}")
    return losses


# The commands


def grad_check_1():
    """f at the handout's a, b and c: 2.0593629889.   (1h)"""
    gradient_check_1(np.array([3.0, 2.0]), np.array([-2.0, 7.0]), np.array([1.0, -4.0]))


def grad_check_2():
    """f at the handout's M and v: 5.   (1m)"""
    gradient_check_2(np.array([[2.0, -1.0], [0.0, 3.0]]), np.array([1.0, -3.0]))


def logreg(dataset="simple", lr=1.0, iters=1000, plot=False):
    """Train logistic regression from zeros.   (1i, 1j)"""
    return train("logreg", make_logistic_regression, [np.zeros(2), 0.0], dataset, lr, iters, plot)


def neural(dataset="xor", lr=0.1, iters=1000, plot=False):
    """Train the network from the handout's start.   (1n)"""
    W = np.array([[-0.01, 0.07], [0.17, 0.0], [-0.04, -0.11]])
    b, v, c = np.array([-0.02, -0.14, 0.05]), np.array([0.05, 0.14, 0.12]), -0.02
    return train("neural", make_neural_network, [W, b, v, c], dataset, lr, iters, plot)


def train(mode, make, params, dataset, lr, iters, plot):
    """Train a model; with plot, draw it into the current directory. Returns params and the losses."""
    path, examples = f"{mode}_{dataset}.png", DATASETS[dataset]
    if lr <= 0:
        raise ValueError(f"lr={lr}: the learning rate must be above 0")
    if plot:
        save(path)
    losses = gradient_descent(make(examples), params, lr, iters)
    if plot:
        save(path, draw_model(make, params, examples, losses).savefig)
    return params, losses


# Pictures


def probability(make, params, x):
    """P(y = 1 | x), from the graph itself: the loss of the single example (x, 1) is -log P(y = 1 | x)."""
    with np.errstate(divide="ignore"):  # log 0 = -inf is right here
        return np.exp(-make([(x, 1)])(*params)[1].value)


def draw_model(make, params, dataset, losses):
    """The examples on P(y = 1 | x), with the line where it is 0.5, beside the loss by iteration."""
    figure = new_figure(11, 4.5)
    plane, curve = figure.subplots(1, 2)
    draw_probability(figure, plane, make, params, dataset)
    curve.plot(losses, color="#0072B2", linewidth=2)
    curve.set(yscale="log", xlabel="iteration", ylabel="loss", title=f"Final loss {losses[-1]:.6f}")
    curve.grid(which="both", alpha=0.3)
    return figure


def draw_probability(figure, axes, make, params, dataset):
    X = np.array([x for x, _ in dataset])
    x1, x2 = (np.linspace(X[:, j].min() - 1, X[:, j].max() + 1, 41) for j in (0, 1))
    P = np.array([[probability(make, params, np.array([p, q])) for p in x1] for q in x2])
    shade = axes.pcolormesh(x1, x2, P, cmap="cividis", vmin=0, vmax=1, shading="gouraud", rasterized=True)
    figure.colorbar(shade, ax=axes, label="P(y = 1 | x)")
    if P.min() < 0.5 < P.max():
        axes.contour(x1, x2, P, levels=[0.5], colors="white", linewidths=2.5)
    for label, marker in ((1, "o"), (-1, "s")):
        points = np.array([x for x, y in dataset if y == label]).reshape(-1, 2)
        axes.scatter(*points.T, s=130, marker=marker, c="white", edgecolors="black", label=f"y = {label:+d}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", title="The examples on P(y = 1 | x)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def new_figure(width, height):
    """An empty figure (inches) in the look that all pictures share, whatever a matplotlibrc says."""
    from matplotlib import figure, style  # here and not above: it costs 0.3 s

    style.use(["default", {"font.size": 13, "axes.spines.top": False, "axes.spines.right": False}])
    return figure.Figure(figsize=(width, height), dpi=110, layout="constrained")


def save(path, write=None):
    """Let write(file) make a file beside path, then put it there whole. Without it, only see if that can be.

    Mode and owner of an older file stay, links are followed, and what refuses a plain write refuses this.
    Where the folder or the owner allows no other file in its place, path is written over.
    """
    path = Path(path).resolve()
    beside, made = path.with_name(f".{os.getpid()}.png"), [] if path.exists() else [path]
    try:
        path.open("ab").close()
        if write:
            try:
                write(beside)
                shutil.copymode(path, beside)
                if os.name == "posix":
                    os.chown(beside, path.stat().st_uid, path.stat().st_gid)
                beside.replace(path)
            except PermissionError:
                write(path)
            made = []
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for file in [beside, *made]:
            with contextlib.suppress(OSError):
                file.unlink()


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """Let `run` say it, in one line (argparse would print the usage before it)."""
        raise ValueError(message)


# The command line


COMMANDS = {command.__name__: command for command in (grad_check_1, grad_check_2, logreg, neural)}


def main(argv=None):
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="backprop.py", description=__doc__, formatter_class=form)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in COMMANDS:
        options = modes.add_parser(mode, argument_default=argparse.SUPPRESS)
        if mode in ("logreg", "neural"):
            options.add_argument("-d", "--dataset", choices=DATASETS, help="logreg simple, neural xor")
            options.add_argument("--lr", type=float, help="learning rate (logreg 1.0, neural 0.1)")
            options.add_argument("--iters", type=int, metavar="N", help="iterations (1000)")
            options.add_argument("--plot", action="store_true", help="write MODE_DATASET.png, a picture")
    argv = sys.argv[1:] if argv is None else argv
    at = next((i for i, word in enumerate(argv) if word in COMMANDS), 0)  # options may come before the mode
    options = vars(parser.parse_args([*argv[at : at + 1], *argv[:at], *argv[at + 1 :]]))
    COMMANDS[options.pop("mode")](**options)


def run(main):
    """Exit status 0; 2 with one line for bad input; 130 after Ctrl-C. Never a traceback."""
    for name in ("stdout", "stderr"):  # None where it was closed (`>&-`)
        setattr(sys, name, getattr(sys, name) or open(os.devnull, "w"))  # noqa: SIM115, it stays open
    # any file name, on any console; not line by line, so that `| head -1` stops no work
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=sys.stdout.isatty(), write_through=False)
    os.environ["MPLBACKEND"] = "agg"  # a notebook hands on its own, which needs a package of the notebook's
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader has seen enough: `| head -1`
        sys.stdout = None  # else Python would try again at the end, and complain
    except (ValueError, OSError, MemoryError) as error:
        text = getattr(error, "strerror", None) or str(error) or "not enough memory"
        print("backprop.py: error:", *text.split(), file=sys.stderr)
        sys.stdout = sys.stdout if isinstance(error, ValueError) else None
        sys.exit(2)


if __name__ == "__main__":
    run(main)
