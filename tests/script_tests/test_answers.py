"""The README's answers and figures against the scripts: a wrong sign or number in either fails here.

Each formula of the answer key stands below beside one line of numpy, and that line is compared with the
node, the E step or the M step on random numbers. Each number of the key is computed again. What is left of an
answer when its formulas and the phrases checked here are taken out must hold no number at all.
"""

import contextlib
import functools
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from pace import finish, sample
from PIL import Image
from scipy import ndimage

import backprop as bp
import em_binary as em
import kmeans as km

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURES = ROOT / "data" / "figures"
POINTS = {"1a": 2, "1c": 2, "1d": 2, "1f": 2, "1j": 2, "1k": 4, "2b": 4, "2c": 3, "2d": 3, "2e": 4}
POINTS |= {"3a": 7, "3b": 5, "3c": 10, "3d": 3}


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)[1]


def entries():
    """The answers: part -> its text without the heading."""
    parts = re.split(r"^### (\d\w) \((\d+) points\)\n", section("Answers"), flags=re.MULTILINE)
    return {part: " ".join(text.split()) for part, _, text in zip(*[iter(parts[1:])] * 3)}


ANSWERS = entries()


def test_every_written_part_has_its_answer_in_order():
    found = re.findall(r"^### (\d\w) \((\d+) points\)$", section("Answers"), re.MULTILINE)
    assert {part: int(points) for part, points in found} == POINTS
    assert [part for part, _ in found] == list(POINTS)
    assert sum(POINTS.values()) == 53


@pytest.mark.parametrize("part", POINTS)
def test_the_marking_adds_up_to_the_points(part):
    marking = re.search(r" \*(\d+ points? for [^*]*)\*", ANSWERS[part])[1]
    assert sum(map(int, re.findall(r"(\d+) (?:points? )?for ", marking))) == POINTS[part]


# the formulas

rng = np.random.default_rng(7)


def node_agrees(make, values, rule):
    """backward() of a node on random values, under a random g, adds what the rule says to each child."""
    topo_order = []
    children = [bp.InputNode(value, topo_order) for value in values]
    node = make(*children)
    node.grad = rng.normal(size=np.shape(node.value))
    node.backward()
    for child, want in zip(children, rule(node.grad, *values)):
        np.testing.assert_allclose(child.grad, want, rtol=1e-12)


def em_numbers(n=7, d=4, k=3):
    X = rng.integers(2, size=(n, d)).astype(float)
    return X, rng.dirichlet(np.ones(k)), rng.uniform(0.1, 0.9, (k, d)), rng.dirichlet(np.ones(k), n)


def e_step_agrees(line):
    X, pi, W, _ = em_numbers()
    np.testing.assert_allclose(em.e_step(X, pi, W), line(X, pi, W), rtol=1e-12)


def ecll_agrees(line):
    X, pi, W, r = em_numbers()
    assert em.expected_complete_log_likelihood(X, r, pi, W) == pytest.approx(line(X, pi, W, r), rel=1e-12)


def m_step_agrees(which, line):
    X, _, _, r = em_numbers()
    np.testing.assert_allclose(em.m_step(X, r)[which], line(X, r), rtol=1e-12)


def vanishes_at_the_m_step(line):
    """line(X, r, W) (k, d) is zero at the M step's W, and nowhere near zero at another."""
    X, _, other, r = em_numbers()
    np.testing.assert_allclose(line(X, r, em.m_step(X, r)[1]), 0, atol=1e-12)
    assert np.abs(line(X, r, other)).min() > 1e-3


def equal(left, right):
    np.testing.assert_allclose(left, right, rtol=1e-12)


def bernoulli(X, W):
    """(n, k): prod_j W_cj^x_ij (1 - W_cj)^(1 - x_ij)."""
    return np.prod(W[None] ** X[:, None] * (1 - W[None]) ** (1 - X[:, None]), axis=2)


x, u, a, b = rng.uniform(0.5, 2, 3), rng.normal(size=3), rng.normal(size=4), rng.normal(size=4)
M, v = rng.normal(size=(3, 2)), rng.normal(size=2)
s = 1 / (1 + np.exp(-u))
step = 1e-6  # of the differences that stand for a derivative

FORMULAS = [  # part, the formula as it stands in the README, and the line of numpy that it means
    (
        "1a",
        r"\partial f / \partial x \mathrel{+}= g / x",
        lambda: node_agrees(bp.LogNode, [x], lambda g, x: [g / x]),
    ),
    (
        "1a",
        r"du/dx = 1/x",
        lambda: np.testing.assert_allclose((np.log(x + step) - np.log(x)) / step, 1 / x, 1e-5),
    ),
    (
        "1c",
        r"\partial f / \partial x \mathrel{+}= g u (1 - u)",
        lambda: node_agrees(bp.SigmoidNode, [u], lambda g, x: [g * s * (1 - s)]),
    ),
    ("1c", r"u = \sigma(x) = 1 / (1 + e^{-x})", lambda: equal(bp.SigmoidNode(bp.InputNode(u, [])).value, s)),
    (
        "1c",
        r"e^{-x} / (1 + e^{-x})^2 = \sigma(x) (1 - \sigma(x))",
        lambda: equal(np.exp(-u) / (1 + np.exp(-u)) ** 2, s * (1 - s)),
    ),
    (
        "1f",
        r"\partial f / \partial a \mathrel{+}= g b, \qquad \partial f / \partial b \mathrel{+}= g a",
        lambda: node_agrees(bp.DotNode, [a, b], lambda g, a, b: [g * b, g * a]),
    ),
    ("1f", r"u = a^T b = \sum_j a_j b_j", lambda: equal(a @ b, sum(a[j] * b[j] for j in range(4)))),
    (
        "1k",
        r"\partial f / \partial M \mathrel{+}= g v^T, \qquad \partial f / \partial v \mathrel{+}= M^T g",
        lambda: node_agrees(bp.MVMulNode, [M, v], lambda g, M, v: [np.outer(g, v), M.T @ g]),
    ),
    (
        "1k",
        r"u_i = \sum_j M_{ij} v_j",
        lambda: equal(M @ v, [sum(M[i, j] * v[j] for j in range(2)) for i in range(3)]),
    ),
    (
        "3a",
        r"r_{ic} = \frac{\pi_c \prod_j W_{cj}^{x_{ij}} (1 - W_{cj})^{1 - x_{ij}}}"
        r"{\sum_{c'} \pi_{c'} \prod_j W_{c'j}^{x_{ij}} (1 - W_{c'j})^{1 - x_{ij}}}",
        lambda: e_step_agrees(
            lambda X, pi, W: pi * bernoulli(X, W) / (pi * bernoulli(X, W)).sum(1, keepdims=True)
        ),
    ),
    (
        "3a",
        r"P(y) = p^y (1 - p)^{1 - y}",
        lambda: equal([0.3**y * 0.7 ** (1 - y) for y in (0, 1)], [0.7, 0.3]),
    ),
    (
        "3b",
        r"\mathrm{ECLL} = \sum_i \sum_c r_{ic} \left[ \log \pi_c + \sum_j x_{ij} \log W_{cj} "
        r"+ (1 - x_{ij}) \log (1 - W_{cj}) \right]",
        lambda: ecll_agrees(
            lambda X, pi, W, r: np.sum(r * (np.log(pi) + X @ np.log(W).T + (1 - X) @ np.log(1 - W).T))
        ),
    ),
    (
        "3c",
        r"\sum_i r_{ic} \left[ \frac{x_{ij}}{W_{cj}} - \frac{1 - x_{ij}}{1 - W_{cj}} \right] = 0",
        lambda: vanishes_at_the_m_step(lambda X, r, W: r.T @ X / W - r.T @ (1 - X) / (1 - W)),
    ),
    (
        "3c",
        r"\sum_i r_{ic} \left[ x_{ij} (1 - W_{cj}) - (1 - x_{ij}) W_{cj} \right] "
        r"= \sum_i r_{ic} (x_{ij} - W_{cj}) = 0",
        lambda: (
            vanishes_at_the_m_step(lambda X, r, W: r.T @ X * (1 - W) - r.T @ (1 - X) * W),
            vanishes_at_the_m_step(lambda X, r, W: r.T @ X - r.sum(0)[:, None] * W),
        ),
    ),
    (
        "3c",
        r"W_{cj} = \frac{\sum_i r_{ic} x_{ij}}{\sum_i r_{ic}}",
        lambda: m_step_agrees(1, lambda X, r: r.T @ X / r.sum(0)[:, None]),
    ),
    ("3d", r"\pi_c = \frac{1}{n} \sum_i r_{ic}", lambda: m_step_agrees(0, lambda X, r: r.sum(0) / len(r))),
]


@pytest.mark.parametrize(
    "part, formula, check", FORMULAS, ids=[f"{part}-{i}" for i, (part, *_) in enumerate(FORMULAS)]
)
def test_formula(part, formula, check):
    assert formula in ANSWERS[part]
    check()


def test_every_displayed_formula_is_checked():
    checked = {formula for _, formula, _ in FORMULAS} | {SAVED}
    for part, text in ANSWERS.items():
        displayed = set(re.findall(r"\$\$(.*?)\$\$", text))
        assert displayed <= checked, part


# the numbers


def output(line, folder):
    """What a command prints when it is run in the folder."""
    script, *args = line.split()
    main, here = {"backprop.py": bp.main, "kmeans.py": km.main, "em_binary.py": em.main}[script], os.getcwd()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        os.chdir(folder)
        try:
            main(args)
        finally:
            os.chdir(here)
    return printed.getvalue()


def rows(text):
    """The cells of the tables in a Markdown text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = [i - 1 for i, row in enumerate(cells) if row[0].startswith("---")]
    return [row for i, row in enumerate(cells) if i not in heads and i - 1 not in heads]


@functools.cache
def elbow():
    """What the command prints, and its rows: k -> loss from the seed, best of 20."""
    with tempfile.TemporaryDirectory() as folder:
        printed = output("kmeans.py elbow", folder)
    losses = re.findall(r"^ *(\d+) +(\S+) +(\S+)$", printed, re.M)
    return printed, {int(k): (float(a), float(b)) for k, a, b in losses}


def size(name):
    return (ROOT if name == "original.png" else FIGURES).joinpath(name).stat().st_size


def phrases():
    """part -> the pieces of its answer that hold a number, with the number as it is computed now."""
    losses = elbow()[1]
    one, best = losses[2]
    xor_losses = [losses[-1] for losses in trained("xor")]
    return {
        "1j": [
            f"`Final loss={xor_losses[0]:.6f}`, which is $4 \\log 2$",
            "each of the 4 examples gets the probability 1/2",
            "$s(0,0) + s(1,1) = s(1,0) + s(0,1)$",
            "w = 0, b = 0",
            f"has the loss {xor_losses[1]:.6f} on the same points",
            "all zero at (0,0) and (1,1), one of them is active at (0,1), and the other two are at (1,0)",
        ],
        "1k": ["by less than 1e-7 in every entry"],
        "2b": [
            f"The loss {one:.2f} of k = 2",
            f"the best of 20 starts is {best:.2f}, and the handout's figure is {one / best:.2f} times that",
            "best of 20 starts (that of seed 0 and the next 19 draws)",
            "from k = 8 to k = 9",
        ],
        "2c": [
            "best of 20",
            f"the loss is {losses[2][0] / losses[4][0]:.0f} times as large",
            f"six more of them take away only {1 - losses[10][0] / losses[4][0]:.0%} of the loss".replace(
                "%", " %"
            ),
        ],
        "2e": [
            "3 × 8 = 24 bits",
            "24 k bits",
            "no power of 2",
            f"takes {size('original.png'):,} bytes",
            f"fewer than its 24 bits per pixel ({450 * 300 * 24 // 8:,} bytes)",
        ],
        "3a": [
            "A number y that is 1 with probability p and 0 with probability 1 − p",
            "set y to 1, then to 0",
        ],
        "3b": ["which is 1 or 0", "the probability $r_{ic}$ that it is 1"],
        "3c": ["If every responsibility is 0 or 1"],
        "3d": ["If every responsibility is 0 or 1"],
    }


@functools.cache
def trained(dataset):
    """The losses of logistic regression and of the network on a dataset, as the commands train them."""
    with contextlib.redirect_stdout(io.StringIO()):
        return [train(dataset)[1] for train in (bp.logreg, bp.neural)]


@pytest.mark.parametrize("part", POINTS)
def test_every_number_of_an_answer_is_accounted_for(part):
    text = ANSWERS[part]
    for phrase in phrases().get(part, []):
        assert phrase in text
        text = text.replace(phrase, "")
    for _, formula, _ in FORMULAS:
        text = text.replace(formula, "")
    text = re.sub(r" \*\d+ points? for .*?[.)]\*", "", text)  # the marking, which has a test of its own
    text = re.sub(r"\$\$.*?\$\$|\| .* \||!\[.*?\]|<img .*?>|`[^`]*`", "", text)  # these have their own, too
    text = re.sub(r"\bk = \d+|\b[123][a-n]\b|seed 0| [1-4]\. |_\{\w+\}|1 - |/ n|log_2", "", text)  # names
    assert not re.search(r"\d", text), text


def test_1j_the_loss_is_four_log_two_and_nothing_better_is_near():
    losses = trained("xor")[0]
    assert losses[-1] == pytest.approx(4 * np.log(2), rel=1e-15)
    f = bp.make_logistic_regression(bp.XOR_DATASET)
    (w, b), loss = f(np.zeros(2), 0.0)
    loss.compute_grad()
    np.testing.assert_array_equal([*w.grad, b.grad], 0)
    near = [f(0.1 * rng.normal(size=2), 0.1 * rng.normal())[1].value for _ in range(100)]
    assert min(near) > 4 * np.log(2)


def test_1j_which_relus_are_active():
    with contextlib.redirect_stdout(io.StringIO()):
        (W, b, *_), _ = bp.neural()
    active = [set(np.flatnonzero(W @ x + b > 0)) for x in np.array([[0, 0], [1, 1], [0, 1], [1, 0]])]
    assert [len(units) for units in active] == [0, 0, 1, 2]
    assert active[2] | active[3] == {0, 1, 2}


def test_1k_gradient_checks_are_within_the_bound(tmp_path):
    for mode, inputs in (("grad_check_1", 3), ("grad_check_2", 2)):
        differences = re.findall(r"Max difference.*: (\S+)", output(f"backprop.py {mode}", tmp_path))
        assert len(differences) == inputs
        assert max(map(float, differences)) < 1e-7


def test_2b_table_elbow_and_what_is_said_of_them():
    printed, losses = elbow()
    stated = {
        int(k): (seed, best)
        for k, seed, best in rows(section("Answers").split("### 2b")[1].split("### 2c")[0])
    }
    assert stated == {k: (f"{a:.2f}", f"{b:.2f}") for k, (a, b) in losses.items()}
    assert "Elbow: k = 4" in printed
    assert "The elbow is at **k = 4**" in ANSWERS["2b"]
    assert losses[9][0] > losses[8][0]
    assert all(losses[k + 1][1] <= losses[k][1] for k in range(1, 10))


def plain_loss(X, C):
    """Where the two steps end from the centroids C, no cluster being empty."""
    z = None
    while True:
        distances = np.stack([((X - c) ** 2).sum(axis=1) for c in C], axis=1)
        if np.array_equal(z, distances.argmin(axis=1)):
            return distances.min(axis=1).sum()
        z = distances.argmin(axis=1)
        C = [X[z == c].mean(axis=0) for c in range(len(C))]


def test_2b_each_loss_is_that_of_the_starts_alone():
    X = np.loadtxt(ROOT / "data" / "data.tsv")
    for k, losses in elbow()[1].items():
        rng = np.random.RandomState(0)
        starts = [X[rng.choice(np.arange(len(X)), k, replace=False)] for _ in range(20)]
        slow = [plain_loss(X, C) for C in starts]
        assert losses == pytest.approx((slow[0], min(slow)), rel=1e-9)


def test_2c_which_clouds_share_a_cluster():
    """From the seed the upper and the lower two of the four clouds; at best the left and the right two."""
    X = km.read_table(ROOT / "data" / "data.tsv")
    np.random.seed(0)
    clouds, middles, _ = km.kmeans(X, 4)
    (p, q), (left, right) = (
        [set(c) for c in np.split(order, 2)] for order in (middles[:, 1].argsort(), middles[:, 0].argsort())
    )
    np.random.seed(0)
    runs = [km.kmeans(X, 2) for _ in range(20)]
    best = min(runs, key=lambda run: run[2])
    for (z, _, _), halves in ((runs[0], (p, q)), (best, (left, right))):
        pairs = {frozenset(int(c) for c in np.unique(clouds) if np.mean(z[clouds == c]) > 0.5), frozenset()}
        assert pairs & {frozenset(int(c) for c in half) for half in halves}


SAVED = r"24 / \lceil \log_2 k \rceil"


def test_2e_formula_factors_and_files():
    assert f"$${SAVED}$$" in ANSWERS["2e"].replace("$$ ", "$$").replace(" $$", "$$")
    table = rows(section("Answers").split("### 2e")[1].split("### 3a")[0])
    assert [row[0] for row in table] == ["2", "4", "8", "16"]
    for k, bits, factor, file, ratio in table:
        name = f"compressed_k{k}.png"
        assert int(bits) == np.ceil(np.log2(int(k)))
        assert float(factor) == 24 / np.ceil(np.log2(int(k)))
        assert file == f"{size(name):,} bytes"
        assert float(ratio) == round(size("original.png") / size(name), 1)
        with Image.open(FIGURES / name) as picture:
            assert picture.mode == "P"
            assert len(picture.getcolors()) == int(k)


def test_em_check_is_within_its_bounds(tmp_path):
    assert "check`" in ANSWERS["3d"]
    printed = output("em_binary.py check", tmp_path)
    assert re.findall(r"^(\w\w)  ", printed, re.M) == ["3a", "3b", "3c", "3d", "EM"]
    differences = re.findall(r"Max difference: (\S+) \(ok: at most (\S+)\)", printed)
    assert len(differences) == 5
    assert all(float(difference) <= float(bound) for difference, bound in differences)


def test_the_table_of_points_is_the_graders():
    sys.path.insert(0, str(ROOT / "tests"))
    from grader.parts import PARTS, TOTAL, table

    assert "\n".join(["", *table(), ""]) in section("Grading")
    assert f"{TOTAL} points in nine parts" in README.replace("\n", " ") and len(PARTS) == 9


COMMANDS = {row[1].strip("`"): row for row in rows(section("Commands and figures"))}


def over_older(command, folder):
    """The command, in a folder that has files of the names that it writes already."""
    writes = COMMANDS[command][3]
    for name in re.findall(r"`([^`]*\.png)`", writes):
        (folder / name).write_text("an older picture")
    _, script, *args = command.split()
    return ["-W", "error", ROOT / script, *args, *["--plot"] * ("--plot" in writes)]


@pytest.mark.parametrize("name", sample([*COMMANDS][1:] + [*COMMANDS][:1], 6))
def test_command_prints_and_writes_what_the_table_says(name, tmp_path):
    """In a process of its own, without a warning; a file that was there before is replaced whole."""
    (done,) = finish([over_older(name, tmp_path)], tmp_path)
    _, _, prints, writes = COMMANDS[name]
    assert (done.returncode, done.stderr) == (0, "")
    assert all(quoted in done.stdout for quoted in re.findall(r"`([^`]*)`", prints)), done.stdout
    if "1e-7" in prints:
        assert max(float(d) for d in re.findall(r"Max difference.*: (\S+)", done.stdout)) < 1e-7
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == re.findall(r"`([^`]*\.png)`", writes)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


# the pictures


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    (done,) = finish([[ROOT / "data" / "make_figures.py", "--out", folder]], folder)
    assert done.returncode == 0, done.stderr
    return folder


TOLERANCE = {"elbow.png": 1e-4, "clusters_k10.png": 2e-3}  # of the pixels; for all others 3e-4


def levels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=int)


def strange(picture, other, reach=5, levels=32):
    """The share of the pixels that are darker or brighter than all of the other picture within reach of them.

    Another version of matplotlib sets the same words up to four pixels wider, and that is allowed.
    """
    window = (2 * reach + 1, 2 * reach + 1, 1)
    low, high = ndimage.minimum_filter(other, window), ndimage.maximum_filter(other, window)
    return ((picture < low - levels) | (picture > high + levels)).any(axis=2).mean()


FIGURE_NAMES = sorted(path.name for path in FIGURES.glob("*.png"))


@pytest.mark.all
def test_the_readme_shows_the_pictures_that_are_made(remade):
    assert sorted(path.name for path in remade.iterdir()) == FIGURE_NAMES
    shown = set(re.findall(r"data/figures/(\w+\.png)", README))
    assert shown == {name for name in FIGURE_NAMES if not name.startswith("compressed_k")}


@pytest.mark.all
@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_picture_is_what_the_command_makes(name, remade):
    old, new = levels(FIGURES / name), levels(remade / name)
    assert old.shape == new.shape
    assert max(strange(old, new), strange(new, old)) <= TOLERANCE.get(name, 3e-4)


@pytest.mark.parametrize("change", sample(["-k 2 -s 3", "-k 4 -s 3", "-k 10 -s 3"], 3))
def test_another_clustering_is_another_picture(change, tmp_path):
    output(f"kmeans.py basic {change}", tmp_path)
    (new,) = tmp_path.iterdir()
    assert strange(levels(FIGURES / new.name), levels(new)) > 5 * 2e-3


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]*)\)|src=\"([^\"]*)\"", README):
        assert (ROOT / "".join(target)).exists(), target
    anchors = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
