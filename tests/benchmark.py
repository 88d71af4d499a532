"""Our code against the libraries one would compare it with: the same input, start and end, equal answers.

    python3 tests/benchmark.py                      all jobs; peers that are not installed are left out
    python3 tests/benchmark.py -j xor -j startup    some of them, by how their names begin
    python3 tests/benchmark.py --growth growth.png  how time and memory grow with N, D, k, d and the graph

Peers: pip install scikit-learn torch autograd micrograd stepmix   (none of them is needed for anything else)

Every side of a job runs in a process of its own, the sides in turn. Seconds are those of the work alone,
without imports and without making the input, or of the whole process where the job's name says so; a peer is
taken at its better of one and two threads, but imports with those that OpenBLAS starts by itself, like ours
(to start none saves a tenth). The ratio is peer / ours, above 1 where ours is faster, taken turn by turn: the
median and the range. Peak memory is that of the process, with all that it imports and the input.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


class Job(NamedTuple):
    name: str
    ours: str  # the function of this file that does it: it returns the seconds and the answer
    peers: dict  # the package that a peer needs: (its function, how many times faster than it we want to be)
    args: tuple = ()
    tolerance: float = 1e-9  # relative, of the answers; None where there is nothing to compare
    threads: tuple = (1, 2)  # of the peers, 0 for what their libraries choose


def timed(work):
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


# k-means: the answer is the loss


def pixels():
    from PIL import Image

    return np.asarray(Image.open(ROOT / "original.png").convert("RGB")).reshape(-1, 3).astype(float)


def blobs(n, d):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) + 3 * rng.normal(size=(40, d))[rng.integers(40, size=n)]


def first_centroids(X, k, seed):
    """The starter's draw; seeded again, for a kmeans that will draw it itself."""
    np.random.seed(seed)
    first = X[np.random.choice(len(X), k, replace=False)]
    np.random.seed(seed)
    return first


def our_kmeans(X, k, seed=0):
    import kmeans

    first_centroids(X, k, seed)
    return timed(lambda: kmeans.kmeans(X, k)[2])


def their_kmeans(X, k, seed=0):
    from sklearn.cluster import KMeans

    model = KMeans(k, init=first_centroids(X, k, seed), n_init=1, tol=0, max_iter=100_000)
    return timed(lambda: float(model.fit(X).inertia_))


def our_pixels(k, seed):
    return our_kmeans(pixels(), k, seed)


def their_pixels(k, seed):
    return their_kmeans(pixels(), k, seed)


def float_pixels(k, seed):
    """scikit-learn given single precision, as its users give it pixels."""
    return their_kmeans(pixels().astype(np.float32), k, seed)


def scipy_pixels(k, seed):
    from scipy.cluster.vq import kmeans2

    X = pixels()
    first = first_centroids(X, k, seed)
    seconds, (C, z) = timed(lambda: kmeans2(X, first, iter=94, minit="matrix"))
    return seconds, float(((X - C[z]) ** 2).sum())


def opencv_pixels(k, seed):
    import cv2

    X = pixels().astype(np.float32)
    labels = ((X[:, None] - first_centroids(X, k, seed)) ** 2).sum(2).argmin(1).astype(np.int32)
    end = (cv2.TERM_CRITERIA_MAX_ITER, 94, 0)
    return timed(lambda: cv2.kmeans(X, k, labels, end, 1, cv2.KMEANS_USE_INITIAL_LABELS)[0])


def faiss_pixels(k, seed):
    import faiss

    X = pixels().astype(np.float32)
    model = faiss.Kmeans(3, k, niter=94, max_points_per_centroid=len(X))
    return timed(lambda: float(model.train(X, init_centroids=first_centroids(X, k, seed))))


def quantize_pixels(k, seed):
    """Pillow's own clustering, from its own start: its loss is another."""
    from PIL import Image

    picture = Image.open(ROOT / "original.png").convert("RGB")
    seconds, found = timed(lambda: picture.quantize(k, kmeans=1))
    return seconds, float(((pixels() - np.asarray(found.convert("RGB")).reshape(-1, 3)) ** 2).sum())


def our_blobs(n, d, k):
    return our_kmeans(blobs(n, d), k)


def their_blobs(n, d, k):
    return their_kmeans(blobs(n, d), k)


# pictures, whole process: the answer is the mean squared error of the compressed picture

TEN_LINES = """
import sys, numpy as np
from PIL import Image
from sklearn.cluster import KMeans
source, k, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
picture = np.asarray(Image.open(source).convert("RGB"))
X = picture.reshape(-1, 3).astype(float)
np.random.seed(0)
first = X[np.random.choice(len(X), k, replace=False)]
model = KMeans(k, init=first, n_init=1, tol=0, max_iter=100_000).fit(X)
colours = np.rint(model.cluster_centers_).astype(np.uint8)
Image.fromarray(colours[model.labels_].reshape(picture.shape)).save(target)
"""


def twelve_megapixels(folder):
    """A picture of 4000 x 3000 with over 500,000 colours: the project's own, enlarged, with a grain."""
    from PIL import Image

    source = Path(folder, "12_megapixels.png")
    if not source.exists():
        small = (
            Image.open(ROOT / "original.png").convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
        )
        grain = np.random.default_rng(0).normal(scale=1, size=(3000, 4000, 3))
        levels = np.rint(np.asarray(small) + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(levels).save(source, compress_level=1)
    return source


def compress(command, source, target):
    from PIL import Image

    seconds, _ = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    peak = peak_megabytes(children=True)
    before, after = (np.asarray(Image.open(path).convert("RGB"), dtype=np.int32) for path in (source, target))
    return seconds, float(np.mean((before - after) ** 2)), peak


def source_and_target(size, folder):
    return ROOT / "original.png" if size == "original" else twelve_megapixels(folder), Path(
        folder, f"{os.getpid()}.png"
    )


def prepare(size, k, folder):
    """In a process of its own: a process passes its peak of memory on to those that it starts."""
    source_and_target(size, folder)
    return 0, None


def our_picture(size, k, folder):
    source, target = source_and_target(size, folder)
    command = [sys.executable, ROOT / "kmeans.py", "image", "-k", str(k), "--image", source, "--out", target]
    return compress(command, source, target)


def their_picture(size, k, folder):
    source, target = source_and_target(size, folder)
    return compress([sys.executable, "-c", TEN_LINES, source, str(k), target], source, target)


# the xor network, 1000 iterations: the answer is the final loss

START = [[[-0.01, 0.07], [0.17, 0], [-0.04, -0.11]], [-0.02, -0.14, 0.05], [0.05, 0.14, 0.12], -0.02]
XOR = [([0.0, 0.0], -1.0), ([1.0, 1.0], -1.0), ([1.0, 0.0], 1.0), ([0.0, 1.0], 1.0)]


def our_xor():
    import contextlib
    import io

    import backprop

    params = [np.array(value) for value in START]
    with contextlib.redirect_stdout(io.StringIO()):
        f = backprop.make_neural_network(backprop.XOR_DATASET)
        return timed(lambda: backprop.gradient_descent(f, params, 0.1, 1000)[-1])


def torch_descent(loss):
    import torch

    params = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in START]

    def work():
        for _ in range(1000):
            total = loss(*params)
            total.backward()
            with torch.no_grad():
                for p in params:
                    p -= 0.1 * p.grad
                    p.grad = None
        return total.item()

    return timed(work)


def torch_batched():
    import torch

    X, y = (torch.tensor([example[i] for example in XOR], dtype=torch.float64) for i in (0, 1))
    log_sigmoid = torch.nn.functional.logsigmoid
    return torch_descent(lambda W, b, v, c: -log_sigmoid(y * (torch.relu(X @ W.T + b) @ v + c)).sum())


def torch_by_example():
    import torch

    dataset = [(torch.tensor(x, dtype=torch.float64), y) for x, y in XOR]

    def loss(W, b, v, c):
        return -sum(torch.log(torch.sigmoid(y * (v @ torch.relu(W @ x + b) + c))) for x, y in dataset)

    return torch_descent(loss)


def autograd_xor():
    import autograd.numpy as anp
    from autograd import grad

    dataset = [(np.array(x), y) for x, y in XOR]

    def loss(params):
        W, b, v, c = params
        scores = [anp.dot(v, anp.maximum(anp.dot(W, x) + b, 0)) + c for x, _ in dataset]
        return -sum(anp.log(1 / (1 + anp.exp(-y * s))) for s, (_, y) in zip(scores, dataset))

    step = grad(loss)

    def work():
        params = [np.array(value, dtype=float) for value in START]
        for i in range(1000):
            if i == 999:
                value = float(loss(params))
            params = [p - 0.1 * g for p, g in zip(params, step(params))]
        return value

    return timed(work)


def micrograd_xor():
    import math

    from micrograd.engine import Value

    def operator(
        s, value, slope
    ):  # micrograd has no sigmoid and no log: two more operators, in its own manner
        out = Value(value, (s,))

        def backward():
            s.grad += slope * out.grad

        out._backward = backward
        return out

    def log_sigmoid(s):
        u = 1 / (1 + math.exp(-s.data))
        u = operator(s, u, u * (1 - u))
        return operator(u, math.log(u.data), 1 / u.data)

    W, b, v, c = START
    W, b, v, c = [[Value(w) for w in row] for row in W], [*map(Value, b)], [*map(Value, v)], Value(c)
    params = [*sum(W, []), *b, *v, c]

    def loss_of(x, y):
        hidden = [(w1 * x[0] + w2 * x[1] + bias).relu() for (w1, w2), bias in zip(W, b)]
        return -log_sigmoid(sum((vi * h for vi, h in zip(v, hidden)), c) * y)

    def work():
        for _ in range(1000):
            total = sum(loss_of(x, y) for x, y in XOR)
            for p in params:
                p.grad = 0
            total.backward()
            for p in params:
                p.data -= 0.1 * p.grad
        return total.data

    return timed(work)


# EM, ten iterations: the answer is the log-likelihood


def binary(n, d, share=0.3):
    """0/1 data from eight components, and responsibilities to start from."""
    rng = np.random.default_rng(0)
    W = rng.uniform(0, 2 * share, (8, d)).astype(np.float32)
    z = rng.integers(8, size=n)
    X = np.empty((n, d), np.uint8)
    for rows in np.array_split(np.arange(n), max(1, n // 1000)):
        X[rows] = rng.random((len(rows), d), dtype=np.float32) < W[z[rows]]
    return X


def stepmix_start(n, k):
    r = np.random.RandomState(0).uniform(size=(n, k))  # as StepMix draws it
    return r / r.sum(1, keepdims=True)


def our_em(n, d, k):
    return our_em_on(binary(n, d).astype(float), k)


def our_em_on(X, k):
    import concurrent.futures  # noqa: F401  em_binary imports it when it needs it

    import em_binary

    start = stepmix_start(X.shape[0], k)
    return timed(lambda: em_binary.fit(X, k, max_iter=10, tol=-np.inf, start=start).log_likelihood)


def stepmix_em(n, d, k):
    from stepmix.stepmix import StepMix

    X = binary(n, d).astype(float)
    options = {
        "max_iter": 10,
        "abs_tol": 0,
        "rel_tol": 0,
        "init_params": "random",
        "random_state": 0,
    }
    model = StepMix(k, measurement="binary", progress_bar=0, verbose=0, **options)
    return timed(lambda: float(model.fit(X).lower_bound_) * n)


def two_products(n, d, k):
    """Ten times the two products with X that an iteration cannot do without, each in its faster form."""
    X, W, r = binary(n, d).astype(float), np.ones((k, d)), np.ones((n, k))
    E, M = (lambda: X @ W.T, lambda: W @ X.T), (lambda: X.T @ r, lambda: r.T @ X)
    seconds = [
        min(timed(lambda form=form: [form() for _ in range(10)])[0] for form in forms) for forms in (E, M)
    ]
    return sum(seconds), None


def our_sparse_em(n, d, k):
    import scipy.sparse

    return our_em_on(scipy.sparse.csr_array(binary(n, d, share=0.02)), k)


def our_dense_em(n, d, k):
    return our_em_on(binary(n, d, share=0.02).astype(float), k)


# start-up, whole process


def our_command(command):
    script, *args = command.split()
    with tempfile.TemporaryDirectory() as folder:
        seconds = time_of_second([sys.executable, ROOT / script, *args], folder)
    return seconds, None, peak_megabytes(children=True)


def time_of_second(command, folder):
    """The second of two runs, as in the first the files come from the disk and the processor wakes up."""
    for _ in range(2):
        seconds, _ = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder))
    return seconds


def imports(command):
    """`python3 -c` with the modules of numpy, scipy and PIL that the command had imported when it ended."""
    script, *args = command.split()
    code = f"import runpy, sys; sys.argv = {[str(ROOT / script), *args]!r}\n"
    code += "try: runpy.run_path(sys.argv[0], run_name='__main__')\nexcept SystemExit: pass\n"
    code += "names = [name for name in sys.modules if name.split('.')[0] in ('numpy', 'scipy', 'PIL')]\n"
    code += "print('\\n@', ', '.join(name for name in names if '._' not in name))"
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=folder
        )
        code = "import " + out.stdout.rsplit("@", 1)[1].strip()
        seconds = time_of_second([sys.executable, "-c", code], folder)
    return seconds, None, peak_megabytes(children=True)


# the machinery


def run(function, args, threads):
    """Call a function of this file in a process of its own: its seconds, its answer, its peak in MB."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | ({name: str(threads) for name in names} if threads else {})
    command = [sys.executable, __file__, "--call", function, json.dumps(args)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{function}{args} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def call(function, args):
    seconds, answer, *peak = globals()[function](*args)
    print(json.dumps([seconds, answer, *(peak or [peak_megabytes()])]))


def peak_megabytes(children=False):
    """The peak of this process, or of the largest that it has started and waited for."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure(job, runs, folder):
    """For each side of a job, our own first: its runs, each (seconds, answer, peak), taken in turn."""
    args = [folder if arg == "folder" else arg for arg in job.args]
    if "folder" in job.args:
        run("prepare", args, 0)
    sides = {"ours": (job.ours, 0)}
    for package, (function, _) in job.peers.items():
        if importlib.util.find_spec(package.split()[0]):
            sides |= {f"{package}, {threads} threads": (function, threads) for threads in job.threads}
    done = {side: [] for side in sides}
    for turn in range(runs):
        for side, (function, threads) in sides.items():
            progress(f"{job.name}: {side}, run {turn + 1} of {runs}")
            done[side].append(run(function, args, threads))
    progress("")
    return done


def report(job, done):
    """One line a peer: both medians, the ratio turn by turn with its range, the peaks, and what we want."""
    ours = done.pop("ours")
    for package, (_, target) in job.peers.items():
        sides = [runs for side, runs in done.items() if side.startswith(f"{package}, ")]
        if not sides:
            print(f"| {job.name} | | {package} is not installed | | {target} | |")
            continue
        theirs = min(sides, key=lambda runs: statistics.median(seconds for seconds, *_ in runs))
        for (_, mine, _), (_, other, _) in zip(ours, theirs):
            if job.tolerance is not None and abs(mine - other) > job.tolerance * abs(other):
                sys.exit(f"{job.name}: our answer {mine} is not {package}'s {other}")
        ratios = [t[0] / o[0] for o, t in zip(ours, theirs)]
        a, b = (statistics.median(seconds for seconds, *_ in runs) for runs in (ours, theirs))
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        peaks = " / ".join(f"{max(peak for *_, peak in runs):.0f}" for runs in (ours, theirs))
        print(f"| {job.name} | {a:.4g} | {package} {b:.4g} | {ratio} | {target} | {peaks} |", flush=True)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


SKLEARN, COMMANDS = "sklearn", ["backprop.py grad_check_1", "backprop.py neural", "em_binary.py check"]
JOBS = [
    Job(
        "picture -k 16, whole process",
        "our_picture",
        {SKLEARN: ("their_picture", 5)},
        ("original", 16, "folder"),
        1e-3,
    ),
    # Pixels are whole numbers, so there are ties, which rounding may break either way and so lead to another
    # optimum; from seed 4 both end in the same.
    *(
        Job(f"pixels k = {k}", "our_pixels", {SKLEARN: ("their_pixels", target)}, (k, seed), tolerance)
        for k, seed, target, tolerance in [(4, 0, 1.5, 1e-9), (16, 0, 1.5, 1e-9), (64, 4, 1, 1e-6)]
    ),
    Job("float pixels k = 64", "our_pixels", {SKLEARN: ("float_pixels", 1)}, (64, 4), None),
    Job(
        "pixels k = 16, other libraries",
        "our_pixels",
        {
            "scipy": ("scipy_pixels", 1.5),
            "cv2": ("opencv_pixels", 1.5),
            "faiss": ("faiss_pixels", 1.5),
            "PIL": ("quantize_pixels", 1.5),
        },
        (16, 0),
        None,  # single precision, and starts of their own, lead elsewhere
    ),
    Job(
        "big picture, 12 megapixels, -k 16, whole process",
        "our_picture",
        {SKLEARN: ("their_picture", 5)},
        ("12", 16, "folder"),
        1e-3,
    ),
    Job("points 1,000,000 x 2, k = 8", "our_blobs", {SKLEARN: ("their_blobs", 1.5)}, (1_000_000, 2, 8)),
    Job("points 200,000 x 16, k = 32", "our_blobs", {SKLEARN: ("their_blobs", 1)}, (200_000, 16, 32)),
    Job(
        "xor network, 1000 iterations",
        "our_xor",
        {
            "torch by example": ("torch_by_example", 3),
            "torch batched": ("torch_batched", 1.5),
            "micrograd by example": ("micrograd_xor", 4),
            "autograd by example": ("autograd_xor", 10),
        },
    ),
    Job(
        "em 20,000 x 500, k = 8, ten iterations",
        "our_em",
        {"stepmix": ("stepmix_em", 6)},
        (20_000, 500, 8),
        1e-6,
    ),
    Job(
        "sparse em 100,000 x 5,000 at 2 %, ten iterations, against our dense form",
        "our_sparse_em",
        {"numpy": ("our_dense_em", 5)},
        (100_000, 5_000, 8),
    ),
    Job(
        "em against its two products alone",
        "our_em",
        {"numpy": ("two_products", 0.7)},
        (20_000, 500, 8),
        None,
    ),
    *(
        Job(
            f"startup of `{command}`",
            "our_command",
            {"numpy imports": ("imports", 0.8)},
            (command,),
            tolerance=None,
            threads=(0,),
        )
        for command in COMMANDS
    ),
]

# how cost grows


def kmeans_pass(N=100_000, D=4, k=8):
    """k-means to its end, and the number of its passes."""
    import kmeans

    X = blobs(N, D)
    return lambda: kmeans.cluster(X, X[:k].copy())[3]


def em_iteration(n=20_000, d=100, k=4):
    """Three iterations of EM, and that number."""
    import em_binary

    X, start = binary(n, d).astype(float), stepmix_start(n, k)
    return lambda: em_binary.fit(X, k, max_iter=3, tol=-np.inf, start=start).iterations


def graph(nodes=1000):
    """Forward and back through a chain in which every other node also depends on the first."""
    import backprop

    def work():
        x = y = backprop.InputNode(1.0, [])
        for _ in range(nodes // 2):
            y = backprop.AddNode(backprop.ConstantMulNode(y, 0.5), x)
        y.compute_grad()
        return nodes / 1000

    return work


GROWTH = {
    ("k-means", "N"): (kmeans_pass, [10_000, 30_000, 100_000, 300_000, 1_000_000]),
    ("k-means", "D"): (kmeans_pass, [4, 8, 16, 32, 64]),
    ("k-means", "k"): (kmeans_pass, [4, 8, 16, 32, 64]),
    ("EM", "n"): (em_iteration, [15_000, 50_000, 150_000, 500_000]),  # of 5,000, X is in the cache
    ("EM", "d"): (em_iteration, [50, 150, 500, 1500]),
    ("EM", "k"): (em_iteration, [4, 8, 16, 32, 64]),
    ("1000 nodes of a graph", "nodes"): (graph, [1_000, 10_000, 100_000, 1_000_000]),
}


def cost(what, axis, size):
    """Seconds a step (best of three runs, the garbage collector at rest), and the most memory it takes."""
    import gc
    import tracemalloc

    work = GROWTH[what, axis][0](**{axis: size})
    gc.disable()
    seconds = min(elapsed / steps for elapsed, steps in (timed(work) for _ in range(3)))
    gc.collect()
    tracemalloc.start()
    work()
    return seconds, tracemalloc.get_traced_memory()[1]


def grow(path):
    """Measure every line of GROWTH, print the slopes, and draw time and memory on log-log axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    for ((what, axis), (_, sizes)), marker in zip(GROWTH.items(), "osD^v<>"):
        costs = np.array([run("cost", (what, axis, size), 1)[:2] for size in sizes])
        slopes = [np.polyfit(np.log(sizes), np.log(column), 1)[0] for column in costs.T]
        print(f"{what}: time ~ {axis}^{slopes[0]:.2f}, memory ~ {axis}^{slopes[1]:.2f}", flush=True)
        for axes, column, slope in zip((left, right), costs.T, slopes):
            axes.loglog(sizes, column, marker=marker, label=f"{what}, {axis}: slope {slope:.2f}")
    left.set(xlabel="size", ylabel="seconds a pass, an iteration, 1000 nodes")
    right.set(xlabel="size", ylabel="bytes at the peak")
    for axes in (left, right):
        axes.legend(fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-j", "--job", action="append", default=[], help="only jobs whose names begin so")
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each side; default: 5")
    parser.add_argument("--growth", metavar="PNG", help="measure growth instead, and draw it")
    parser.add_argument("--call", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.call:
        return call(args.call[0], json.loads(args.call[1]))
    if args.growth:
        return grow(args.growth)
    print(
        "| job | ours, s | peer, s | peer / ours | wanted | peak MB, ours / peer |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for job in JOBS:
            if not args.job or job.name.startswith(tuple(args.job)):
                report(job, measure(job, args.runs, folder))
    return None


if __name__ == "__main__":
    main()
