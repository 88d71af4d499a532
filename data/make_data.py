"""Make the homework's data: data.tsv, genomes.tsv, populations.tsv beside this file, original.png above it.

    python3 data/make_data.py [--out FOLDER]

Everything is simulated or drawn; nothing was measured. Chance comes from numpy's RandomState, whose stream is
frozen: every version of numpy gives the same numbers, and the same pixels to a rounding.

Points     X (500, 2)
Genomes    p (66,): how frequent each SNP's 1 was among the ancestors, f (3, 66): how frequent it is in each
           population, z (600,): who is from where
Picture    x to the right, y up, z away from the camera, in metres from the water at its foot;
           side = x / z, slope = y / z: the direction of a ray; light and colours (…, 3): red, green, blue
"""

import argparse
import os
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

HERE = os.path.dirname(os.path.abspath(__file__))


SEED = 5716
CENTRES = np.array([[-3.3, 1.5], [2.1, 3.6], [4.4, -0.9], [-2.0, -3.8]])
SPREADS = np.array([0.72, 1.06, 1.19, 0.77])
SIZES = [150, 130, 120, 100]
HANDOUT_LOSS = 6698.001  # so that it is still 6698 and not 6697 when the points are rounded


def points():
    """Four Gaussian clusters (500, 2) on which the handout's seed is unlucky.

    Two clusters can pair the four in two ways, and the draw from seed 0 ends in the worse one, as on the
    course's own points. SEED, CENTRES and SPREADS were searched for that; then all points are scaled, which
    scales the loss by the square, until it is the handout's.
    """
    rng = np.random.RandomState(SEED)
    cluster = rng.permutation(np.repeat(np.arange(4), SIZES))
    X = CENTRES[cluster] + SPREADS[cluster, None] * rng.standard_normal((500, 2))
    return X * np.sqrt(HANDOUT_LOSS / two_means_loss(X))


def two_means_loss(X):
    """The loss of Lloyd's algorithm from the two examples that the handout's seed 0 draws."""
    centroids = X[np.random.RandomState(0).choice(np.arange(len(X)), 2, replace=False)]
    for _ in range(100):  # it stands still after about 10
        distances = ((X[:, None] - centroids) ** 2).sum(axis=2)  # (500, 2)
        centroids = np.array([X[distances.argmin(axis=1) == c].mean(axis=0) for c in range(2)])
    return distances.min(axis=1).sum()


POPULATIONS = {"north": 270, "east": 200, "south": 130}
SNPS = 66  # so few that some people could be from either of two
F_ST = 0.12


def genomes():
    """(600, 66) of 0 and 1, and the population's name of each of the 600 people, in random order.

    The model of Balding and Nichols (1995): where the ancestors had frequency p, a population has one drawn
    from Beta(p (1 - F) / F, (1 - p) (1 - F) / F), of mean p and variance F p (1 - p), with F for F_ST.
    Surveys of common SNPs find 0.10 to 0.15 between people of different continents (HapMap, 2005: 0.12).
    """
    rng = np.random.RandomState(1)
    z = rng.permutation(np.repeat(np.arange(3), list(POPULATIONS.values())))
    p = rng.uniform(0.05, 0.95, SNPS)
    a = (1 - F_ST) / F_ST
    f = rng.beta(p * a, (1 - p) * a, (3, SNPS))
    return (rng.uniform(size=(len(z), SNPS)) < f[z]).astype(int), np.array(list(POPULATIONS))[z]


WIDTH, HEIGHT = 900, 600  # of the rendering; the picture has half of each
HORIZON, FOCAL, EYE = 368, 820, 7  # the horizon's row, pixels per unit of slope, the camera above the water
CELL, CELLS, LEFT = 10, 860, -4200  # the map of the land: metres a cell, cells a side, x of its left edge
DISTANCES = np.geomspace(180, 8600, 1500)  # where each ray is tried
SIDE = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL  # of each column
SUN = np.array([-0.9323, 0.3315, -0.1450])  # the way to it, a unit long: low on the left, a little behind us


def noise(x, y, seed):
    """Smooth noise in [0, 1]: random values at whole x and y, blended between them."""
    table = np.random.RandomState(seed).rand(256, 256)
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    u, v = step(0, 1, x - i), step(0, 1, y - j)
    i, right, j, above = i % 256, (i + 1) % 256, j % 256, (j + 1) % 256
    low = table[j, i] * (1 - u) + table[j, right] * u
    high = table[above, i] * (1 - u) + table[above, right] * u
    return low * (1 - v) + high * v


def fractal(x, y, seed, octaves, ridged=False):
    """Noise of ever finer detail in [0, 1]; ridged: with crests and detail mostly on them, as mountains."""
    total, norm, rough = 0, 0, 1
    for octave in range(octaves):
        n = noise(x, y, seed + octave)
        n = (1 - abs(2 * n - 1)) ** 2 if ridged else n
        total, norm = total + 0.52**octave * rough * n, norm + 0.52**octave
        rough = np.clip(1.6 * n, 0, 1) if ridged else 1
        x, y = 1.6 * x + 1.2 * y + 3.1, 1.6 * y - 1.2 * x + 7.7  # turned, and twice as fine
    return total / norm


def step(a, b, x):
    """0 up to x = a, 1 from x = b, smooth between."""
    t = np.clip((x - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a, b, t):
    """Colours a (t = 0) to b (t = 1)."""
    return a + (b - a) * t[..., None]


def rgb(*levels):
    return np.array(levels) / 255


class Land(NamedTuple):
    """Maps (z, x): height in metres, how far the ground faces up (1: flat), and the sunlight on it."""

    height: np.ndarray
    up: np.ndarray
    light: np.ndarray

    def at(self, x, z):
        where = [z / CELL, (x - LEFT) / CELL]
        return [ndimage.map_coordinates(m, where, order=1, mode="nearest") for m in self]


def make_land():
    z, x = CELL * np.mgrid[:CELLS, :CELLS] + np.array([0, LEFT])[:, None, None]
    height = terrain(x, z)
    north, east = np.gradient(height, CELL)
    up = 1 / np.sqrt(1 + east**2 + north**2)
    facing = np.clip((SUN[1] - east * SUN[0] - north * SUN[2]) * up, 0, 1)
    ray = 0.27 * CELL * np.arange(CELLS)  # how far sunlight from the left has come down
    shadow = np.maximum.accumulate(height + ray, axis=1) - ray
    return Land(height, up, facing * step(-45, 10, height - shadow))


def terrain(x, z):
    """Height of the land: a lake's shore, low hills, walls of a valley, one great peak."""
    shore = 670 + 260 * fractal(x / 160, z / 160, 70, 3)
    inland = z - shore + 440 * step(-20, -150, x) * step(-460, -260, x) + 230 * step(150, 330, x)
    bent_x = x + 300 * (fractal(x / 700, z / 700, 50, 3) - 0.5)
    bent_z = z + 300 * (fractal(x / 700, z / 700, 60, 3) - 0.5)
    ridges = fractal(bent_x / 2300 + 0.37, bent_z / 2300 + 0.9, 10, 8, ridged=True)
    walls = 0.35 + 0.65 * step(0.15, 1.3, abs(x - 150) / (500 + 0.3 * z))
    peak = np.exp(-((x - 350) ** 2 + (z - 5200) ** 2) / (2 * 900**2))
    bumps = 24 * (fractal(x / 120, z / 120, 80, 4) - 0.5) * step(0, 150, inland)
    hills = np.clip(0.1 * inland, 0, 70) + bumps
    return np.where(inland < 0, -4, hills + 1500 * ridges * (walls * step(0, 3600, inland) + peak))


def forest(x, z, ground, up):
    """(3, …): height of the tree over each place or 0, how far right of the trunk that is, the tree's hue."""
    best = np.zeros((3, *x.shape))
    for size, tall, seed in (7.5, 24, 1), (6.1, 19, 2):  # two plantings, each one tree to a cell
        i, j = np.floor(x / size).astype(int), np.floor(z / size).astype(int)
        dice = np.random.RandomState(seed).rand(4, 256, 256)[:, j % 256, i % 256]
        right, away = x / size - i - 0.3 - 0.4 * dice[0], z / size - j - 0.3 - 0.4 * dice[1]
        cone = np.clip(1 - np.hypot(right, away) / 0.62, 0, 1) ** 0.8
        tree = np.stack([tall * (0.5 + 0.5 * dice[2]) * cone, right, dice[3]])
        best = np.where(tree[0] > best[0], tree, best)
    best[0] *= step(0.1, 2.5, ground)  # bushes at the water's edge
    line = 190 + 660 * fractal(x / 260, z / 260, 90, 3)
    clearing = step(0.34, 0.26, fractal(x / 90, z / 90, 95, 2))
    grows = step(0.6, 0.74, up) * step(line + 60, line - 80, ground) * (1 - clearing) > 0.45
    return best * (grows & (ground > 0.3))


def bare_colour(x, z, ground, up):
    """Rock in layers, snow on the heights, meadow where it is flat, gravel at the water."""
    rough = fractal(x / 35, z / 35 + ground / 20, 110, 4)
    layers = 0.7 * rough + 0.7 * fractal(x / 400, ground / 14, 120, 3) - 0.2
    colour = mix(rgb(74, 72, 78), rgb(158, 142, 128), np.clip(layers, 0, 1))
    snow = step(330, 670, ground + 460 * (fractal(x / 60, z / 60, 130, 4) - 1)) * step(0.48, 0.66, up)
    colour = mix(colour, rgb(240, 242, 248), snow)
    meadow = mix(rgb(92, 90, 46), rgb(150, 104, 52), rough)
    colour = mix(colour, meadow, step(0.72, 0.85, up) * step(760, 500, ground))
    return mix(colour, rgb(104, 96, 84), step(2, 0.3, ground))


def leaf_colour(x, y, z, ground, hue):
    """Dark firs, and groves of larch and maple in autumn on the low ground."""
    fir = mix(rgb(16, 38, 32), rgb(54, 80, 40), hue)
    fall = mix(rgb(176, 40, 18), rgb(232, 160, 40), 1.7 * hue % 1)
    grove = step(0.52, 0.62, fractal(x / 110, z / 110, 140, 3) + 0.24 * (hue - 0.5)) * step(170, 80, ground)
    shade = 0.4 + 0.8 * np.clip((y - ground) / 18, 0, 1)  # dark below
    return mix(fir, fall, grove) * (shade * (0.45 + 1.1 * fractal(1.1 * x, 0.9 * y, 200, 2)))[..., None]


def land_colour(land, x, y, z):
    """The light that comes from the places x, y, z (each (n,)) on the land or its trees: (n, 3)."""
    ground, up, light = land.at(x, z)
    tree, right, hue = forest(x, z, ground, up)
    wood = (tree > 0)[..., None]
    colour = np.where(wood, leaf_colour(x, y, z, ground, hue), bare_colour(x, z, ground, up))
    on_tree = np.clip(0.5 - 1.3 * right, 0.04, 1) * np.clip(1.7 * light, 0, 0.95)
    sun = np.where(wood, on_tree[..., None], light[..., None]) * [3.3, 1.55, 0.66]
    colour = colour * (sun + (0.55 + 0.45 * up)[..., None] * [0.22, 0.34, 0.60])  # and the blue of the sky
    return through_air(colour, x, y, z, ground)


def through_air(colour, x, y, z, ground):
    """Distance pales the land, warmly towards the sun; mist lies on the lake."""
    air = mix(rgb(112, 140, 190), rgb(214, 160, 148), np.clip(0.4 - 0.7 * x / z, 0, 1))
    thick = np.maximum(z - 500, 0) / 10500 + 0.6 * np.exp(-np.maximum(ground, 0) / 40) * step(800, 2000, z)
    mist = 0.5 * np.exp(-y / 9) * step(0.3, 0.62, fractal(x / 130, z / 200, 210, 3)) * step(300, 700, z)
    return mix(mix(colour, air, 1 - np.exp(-thick)), rgb(171, 165, 171), mist)


def sky(side, slope):
    """Blue above, warm low down on the sun's side; clouds on a plane overhead, lit from the left."""
    slope = np.maximum(slope, 0.005)
    colour = mix(rgb(128, 158, 204), rgb(40, 72, 138), step(0.1, 0.48, slope))
    colour = mix(colour, rgb(255, 196, 146), step(0.28, 0, slope) * np.clip(0.75 - 0.8 * side, 0, 1))
    x, z = 0.9 * side / (slope + 0.06) + 60.2, 0.55 / (slope + 0.06) + 9.9  # where the best clouds were found
    cloud = fractal(x, z, 150, 6)
    lit = np.clip(0.55 + 8 * (cloud - fractal(x - 0.1, z, 150, 6)), 0, 1)
    cover = 0.92 * step(0.51, 0.71, cloud) * step(0.02, 0.12, slope)
    return mix(colour, mix(rgb(120, 108, 146), rgb(255, 178, 138), lit), cover)


def skyline(land):
    """Height of land and trees at each of the DISTANCES (rows) in each column; far down in the lake."""
    x, z = DISTANCES[:, None] * SIDE, np.repeat(DISTANCES[:, None], WIDTH, axis=1)
    ground, up, _ = land.at(x, z)
    near = DISTANCES < 3500  # trees farther off are too small to see
    top = ground.copy()
    top[near] += forest(x[near], z[near], ground[near], up[near])[0]
    return np.where(top > 0, top, -1e4)


def look(land, top, eye, slopes):
    """What is seen from height eye along the slopes (rows): light (rows, WIDTH, 3), and how far off."""
    rise = np.maximum.accumulate((top - eye) / DISTANCES[:, None], axis=0)
    hit = np.stack([np.searchsorted(r, slopes) for r in rise.T], axis=1)  # the first as high as the ray
    side, slope = np.broadcast_arrays(SIDE, slopes[:, None])
    light, z = sky(side, slope), np.append(DISTANCES, np.inf)[hit]
    found = hit < len(DISTANCES)
    light[found] = land_colour(land, (side * z)[found], abs(eye + slope * z)[found], z[found])
    return light, z


def water(mirrored, below):
    """The lake so far below the horizon (rows, 1): the mirrored view, bent by ripples, over its own teal."""
    z = EYE * FOCAL / below
    x = z * SIDE
    wind = step(0.42, 0.62, fractal(x / 60, z / 110, 170, 3))
    ripple = fractal(x / 1.6, z / 0.8, 160, 4) - 0.5
    bend = (2 + 22 * wind * np.minimum(1, below / 60)) * np.clip(below / 30, 0, 1)
    row = below - 0.5 + ripple * bend
    column = np.arange(WIDTH) + 0.4 * bend * (fractal(x / 1.2, z / 0.9, 180, 3) - 0.5)
    soft = ndimage.gaussian_filter(mirrored, (1.2, 0.7, 0))
    seen = [ndimage.map_coordinates(soft[..., c], [row, column], order=1, mode="nearest") for c in range(3)]
    body = mix(rgb(6, 66, 74), rgb(14, 122, 116), step(0.35, 0.7, fractal(x / 7, z / 7, 190, 4)))
    fresnel = 0.03 + 0.97 * (1 - below / FOCAL) ** 5 + 0.35 * ripple * wind
    return mix(body, np.stack(seen, axis=-1) * [0.9, 0.96, 0.98], np.clip(0.14 + 0.84 * fresnel, 0, 1))


def develop(light):
    """Light to levels, as a camera does: glow, the film's curve, darker corners, half the size, grain."""
    glow = ndimage.gaussian_filter(np.clip(light - 0.75, 0, 1), (14, 14, 0))
    image = 1 - np.exp(-2.3 * (light + 0.35 * glow) ** 1.32)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    image *= (1 - 0.1 * (x * x + y * y))[..., None]
    image = image.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
    rng = np.random.RandomState(5)
    image += 0.004 * rng.standard_normal((*image.shape[:2], 1)) + 0.003 * rng.standard_normal(image.shape)
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def picture():
    """A mountain lake on an autumn evening: (300, 450, 4), a landscape of 300 rows by 450 opaque pixels."""
    land = make_land()
    top = skyline(land)
    slopes = (HORIZON - 0.5 - np.arange(HEIGHT)) / FOCAL
    light, z = look(land, top, EYE, slopes)
    mirrored, _ = look(land, top, -EYE, -slopes[HORIZON:])  # what a mirror shows is seen from as far below it
    below = np.arange(HEIGHT - HORIZON)[:, None] + 0.5
    lake = z[HORIZON:] > EYE * FOCAL / below  # nothing stands before the water
    light[HORIZON:][lake] = water(mirrored, below)[lake]
    return np.dstack([develop(light), np.full((HEIGHT // 2, WIDTH // 2), 255, np.uint8)])


def main(argv=None):
    parser = argparse.ArgumentParser(prog="make_data.py", description=__doc__.splitlines()[0])
    parser.add_argument("--out", metavar="FOLDER", help="write all four files there instead")
    out = parser.parse_args(argv).out
    tables, root = (HERE, os.path.dirname(HERE)) if out is None else (out, out)
    try:
        write(tables, root)
    except OSError as error:
        parser.exit(2, f"make_data.py: error: cannot write {error.filename or tables}: {error.strerror}\n")


def write(tables, root):
    """The three tables into one folder, original.png into another."""
    os.makedirs(tables, exist_ok=True)
    people, populations = genomes()
    np.savetxt(os.path.join(tables, "data.tsv"), points(), fmt="%.6f", delimiter="\t")
    np.savetxt(os.path.join(tables, "genomes.tsv"), people, fmt="%d", delimiter="\t")
    np.savetxt(os.path.join(tables, "populations.tsv"), populations, fmt="%s")
    Image.fromarray(picture()).save(os.path.join(root, "original.png"), optimize=True)


if __name__ == "__main__":
    main()
