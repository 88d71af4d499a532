"""Make the pictures of the README again, in data/figures: by the scripts' own commands, and two put together.

python3 data/make_figures.py [--out FOLDER]
"""

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import backprop  # noqa: E402
import em_binary  # noqa: E402
import kmeans  # noqa: E402

COLOURS = (2, 4, 8, 16)


def quietly(work, *args):
    """What work returns, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return work(*args)


def xor():
    """P(y = 1 | x) by logistic regression beside that by the network, both trained as in the handout."""
    figure = backprop.new_figure(11, 4.5)
    commands = {
        "logistic regression": (backprop.logreg, backprop.make_logistic_regression),
        "network": (backprop.neural, backprop.make_neural_network),
    }
    for axes, (name, (train, make)) in zip(figure.subplots(1, 2), commands.items()):
        params, losses = quietly(train, "xor")
        backprop.draw_probability(figure, axes, make, params, backprop.XOR_DATASET)
        axes.set_title(f"{name}: loss {losses[-1]:.6f}")
    return figure


def compressed(folder):
    """The original and its compressed pictures in one row, with ever more colours."""
    figure = backprop.new_figure(15, 2.5)
    pictures = {"original": ROOT / "original.png"} | {f"k = {k}": f"compressed_k{k}.png" for k in COLOURS}
    for axes, (title, path) in zip(figure.subplots(1, len(pictures)), pictures.items()):
        with Image.open(Path(folder, path)) as picture:
            axes.imshow(np.asarray(picture.convert("RGB")))
        axes.set_title(title, fontsize=20)
        axes.axis("off")
    return figure


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # where the commands write
    quietly(kmeans.main, ["elbow"])
    for k in (2, 4, 10):
        quietly(kmeans.main, ["basic", "-k", str(k)])
    for k in COLOURS:
        quietly(kmeans.main, ["image", "-k", str(k)])
    quietly(em_binary.main, ["basic", "-k", "3"])
    backprop.save("xor.png", xor().savefig)
    backprop.save("compressed.png", compressed(".").savefig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "figures")
    main(parser.parse_args().out.resolve())
