"""The data are what make_data.py makes, and have what the homework needs of them.

X (500, 2) points; G (600, 66) genomes, z (600,) their populations; P (300, 450, 4) the picture's levels.
The Lloyd and the EM here are the tests' own, written to be obvious.
"""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from pace import finish
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "data")
MAKE_DATA = os.path.join(DATA, "make_data.py")


def rows(*path):
    with open(os.path.join(*path)) as file:
        return file.read().splitlines()


def levels(folder):
    with Image.open(os.path.join(folder, "original.png")) as image:
        assert image.mode == "RGBA"
        return np.array(image)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A folder with all four files, made from another current folder."""
    folder = tmp_path_factory.mktemp("data")
    (done,) = finish([[MAKE_DATA, "--out", folder / "new"]], folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder / "new"


@pytest.fixture(scope="module")
def X():
    return np.loadtxt(os.path.join(DATA, "data.tsv"), delimiter="\t")


@pytest.fixture(scope="module")
def G():
    return np.loadtxt(os.path.join(DATA, "genomes.tsv"), delimiter="\t")


@pytest.fixture(scope="module")
def P():
    return levels(ROOT)


@pytest.mark.all
def test_only_the_four_files_are_made(fresh):
    assert sorted(os.listdir(fresh)) == ["data.tsv", "genomes.tsv", "original.png", "populations.tsv"]


@pytest.mark.all
def test_points_come_again(fresh, X):
    assert np.abs(np.loadtxt(fresh / "data.tsv") - X).max() <= 1.1e-6  # the last decimal may round otherwise


@pytest.mark.all
@pytest.mark.parametrize("name", ["genomes.tsv", "populations.tsv"])
def test_tables_come_again(fresh, name):
    assert rows(fresh, name) == rows(DATA, name)


@pytest.mark.all
def test_picture_comes_again(fresh, P):
    off = np.abs(levels(fresh).astype(int) - P).max(axis=2)
    assert (off > 1).mean() < 0.001


def test_a_folder_that_cannot_be_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    command = [sys.executable, MAKE_DATA, "--out", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"make_data\.py: error: cannot write .*file: .+\n", done.stderr)
    assert (tmp_path / "file").read_text() == "mine"


# The points


def draw(X, k, seed=0):
    """The handout's first centroids."""
    return X[np.random.RandomState(seed).choice(np.arange(len(X)), k, replace=False)]


def lloyd(X, centroids):
    """The loss where Lloyd's algorithm stops; an empty cluster stays where it is."""
    centroids, last = centroids.copy(), None
    while True:
        distances = np.stack([((X - c) ** 2).sum(axis=1) for c in centroids], axis=1)
        z = distances.argmin(axis=1)
        if last is not None and (z == last).all():
            return distances.min(axis=1).sum()
        last = z
        for c in set(z):
            centroids[c] = X[z == c].mean(axis=0)


def best(X, k, restarts):
    return min(lloyd(X, draw(X, k, seed)) for seed in range(restarts))


def test_points_are_500_rows_of_two_columns_with_six_decimals(X):
    lines = rows(DATA, "data.tsv")
    assert len(lines) == 500
    assert all(re.fullmatch(r"-?\d\.\d{6}\t-?\d\.\d{6}", line) for line in lines)
    assert np.abs(X).max() < 10
    assert len(np.unique(X, axis=0)) == 500


def test_seed_0_ends_in_a_loss_of_6698_far_above_the_best(X):
    loss = lloyd(X, draw(X, 2))
    assert loss == pytest.approx(6698, abs=0.5)
    assert loss > 1.4 * best(X, 2, 200)


def test_best_losses_fall_steeply_to_4_and_gently_after(X):
    losses = {k: best(X, k, 20) for k in range(2, 11)}
    assert losses[2] / losses[3] > 1.5
    assert losses[3] / losses[4] > 2.5
    gentle = [losses[k] / losses[k + 1] for k in range(4, 10)]
    assert min(gentle) > 1 and max(gentle) < 1.25


def test_the_loss_from_seed_0_can_rise_with_k(X):
    assert lloyd(X, draw(X, 9)) > lloyd(X, draw(X, 8))


# The genomes


def log_likelihood(G, k, seed):
    """Where 60 rounds of EM for a mixture of k Bernoullis end, from responsibilities at random."""
    r = np.random.RandomState(seed).dirichlet(np.ones(k), len(G))
    for _ in range(60):
        W = np.clip(r.T @ G / r.sum(axis=0)[:, None], 1e-9, 1 - 1e-9)
        joint = np.log(r.mean(axis=0)) + G @ np.log(W.T) + (1 - G) @ np.log(1 - W.T)
        total = np.logaddexp.reduce(joint, axis=1)
        r = np.maximum(np.exp(joint - total[:, None]), 1e-300)
    return total.sum()


def test_genomes_are_600_people_in_random_order_from_unequal_populations(G):
    names = np.array(rows(DATA, "populations.tsv"))
    sizes = np.unique(names, return_counts=True)[1]
    assert G.shape == (600, 66) and set(np.unique(G)) == {0, 1}
    assert len(names) == 600 and len(set(sizes)) == 3 and min(sizes) > 100
    assert (names[1:] != names[:-1]).sum() > 300


def test_populations_differ_as_continents_do(G):
    """F_ST by Hudson's estimator, for each pair of populations: within them against between them.

    Of 66 SNPs it is within 0.04 or so of the model's 0.12.
    """
    names, found = np.array(rows(DATA, "populations.tsv")), []
    for one, other in ("north", "east"), ("east", "south"), ("south", "north"):
        a, b = G[names == one], G[names == other]
        p, q = a.mean(axis=0), b.mean(axis=0)
        noise = p * (1 - p) / (len(a) - 1) + q * (1 - q) / (len(b) - 1)
        found.append(((p - q) ** 2 - noise).sum() / (p * (1 - q) + q * (1 - p)).sum())
    assert min(found) > 0.075 and max(found) < 0.125, found


def test_bic_picks_three_populations(G):
    bic = {}
    for k in range(1, 6):
        highest = max(log_likelihood(G, k, seed) for seed in range(5))
        bic[k] = -2 * highest + (k - 1 + G.shape[1] * k) * np.log(600)
    assert min(bic, key=bic.get) == 3
    assert min(bic[2], bic[4]) - bic[3] > 100


# The picture


def test_picture_is_300_by_450_opaque_and_rich(P):
    assert P.shape == (300, 450, 4)
    assert (P[..., 3] == 255).all()
    assert len(np.unique(P[..., :3].reshape(-1, 3), axis=0)) > 50_000


def test_picture_has_families_of_hue(P):
    """Of the pixels of a clear colour, each of four parts of the circle of hues has a good share."""
    hsv = np.array(Image.fromarray(P[..., :3]).convert("HSV")).astype(int)
    hue = hsv[..., 0] * 360 / 256
    clear = (hsv[..., 1] > 80) & (hsv[..., 2] > 30)
    share = {
        "orange": (clear & (hue > 5) & (hue < 45)).mean(),
        "green": (clear & (hue > 60) & (hue < 165)).mean(),
        "teal": (clear & (hue > 165) & (hue < 195)).mean(),
        "blue": (clear & (hue > 205) & (hue < 250)).mean(),
    }
    assert min(share.values()) > 0.03, share


def test_picture_has_smooth_areas_and_fine_texture(P):
    """The mean step from a pixel to its right-hand neighbour: small in the sky, large in the forest."""
    steps = np.abs(np.diff(P[..., :3].astype(int), axis=1)).mean(axis=(1, 2))
    assert steps[:50].mean() < 4
    assert steps[150:180].mean() > 12


@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_seed_0_draws_pixels_of_different_colours(P, k):
    assert len(np.unique(draw(P[..., :3].reshape(-1, 3), k), axis=0)) == k


def test_each_k_of_the_handout_adds_to_the_picture(P):
    pixels = P[..., :3].reshape(-1, 3)[::67].astype(float)
    losses = [best(pixels, k, 3) for k in (1, 2, 4, 8, 16)]
    assert all(more > 1.5 * fewer for more, fewer in zip(losses, losses[1:])), losses
