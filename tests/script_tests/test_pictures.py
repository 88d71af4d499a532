"""Any picture: kmeans.py image --image FILE takes what Pillow opens, or says in one line why not."""

import io
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from pace import finish, sample
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

import kmeans as script

ROOT = Path(__file__).resolve().parents[2]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

rng = np.random.default_rng(0)
RGB = rng.integers(0, 256, (9, 14, 3)).astype(np.uint8)
RGB[:, :7] = [200, 30, 60]
ALPHA = np.repeat(np.array([0, 51, 128, 255, 255, 255, 255], np.uint8), 2)[None].repeat(9, axis=0)
GREY = RGB[:, :, 0]


def picture(array):
    return Image.fromarray(np.ascontiguousarray(array))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Save a picture as a file, compress it, and give the result as RGBA, with what was printed."""
    monkeypatch.chdir(tmp_path)

    def compress(original, k, name="in.png", **options):
        original.save(name, **options)
        script.main(["image", "-k", str(k), "--image", name, "--out", "out.png"])
        result = Image.open("out.png")
        return np.asarray(result.convert("RGBA")), capsys.readouterr().out, result

    return compress


def rgba(array):
    return np.asarray(picture(array).convert("RGBA"))


# colours are kept where k is large enough, so any wrong conversion shows

KEPT = {
    "black and white": (picture(GREY > 99), "in.png"),
    "black and white TIFF": (picture(GREY > 99), "in.tif"),
    "grey": (picture(GREY), "in.png"),
    "grey TIFF": (picture(GREY), "in.tif"),
    "palette": (picture(RGB).quantize(30), "in.png"),
    "palette GIF": (picture(RGB).quantize(30), "in.gif"),
    "palette BMP": (picture(RGB).quantize(30), "in.bmp"),
    "RGB": (picture(RGB), "in.png"),
    "RGB BMP": (picture(RGB), "in.bmp"),
    "RGB TIFF": (picture(RGB), "in.tif"),
    "RGB PPM": (picture(RGB), "in.ppm"),
    "RGB TGA": (picture(RGB), "in.tga"),
    "RGB WebP": (picture(RGB), "in.webp"),
    "RGBA": (picture(np.dstack([RGB, ALPHA])), "in.png"),
    "RGBA WebP": (picture(np.dstack([RGB, ALPHA])), "in.webp"),
    "RGBA TIFF": (picture(np.dstack([RGB, ALPHA])), "in.tif"),
    "grey with alpha": (picture(np.dstack([GREY, ALPHA])), "in.png"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", KEPT)
def test_keeps_all_colours_of(case, run):
    original, name = KEPT[case]
    found, out, _ = run(original, 300, name, **({"lossless": True} if name.endswith("webp") else {}))
    wanted = np.asarray(original.convert("RGBA")).copy()
    wanted[wanted[:, :, 3] == 0] = 0
    np.testing.assert_array_equal(found, wanted)
    assert "K-means loss: 0\n" in out
    assert "loses none" in out
    assert "PSNR: infinite" in out


@pytest.mark.parametrize(
    "original, transparency, clear",
    [
        (picture(RGB).quantize(30), 3, lambda a: a == 3),
        (picture(RGB).quantize(30), bytes([9, 99, 255]), None),
        (picture(GREY), 200, lambda a: a == 200),
        (picture(RGB), (200, 30, 60), lambda a: (a == [200, 30, 60]).all(axis=2)),
    ],
    ids=["palette, one colour", "palette, some half", "grey", "RGB"],
)
def test_keeps_the_transparency_of_a_trns_chunk(original, transparency, clear, run):
    found, *_ = run(original, 300, transparency=transparency)
    alpha = found[:, :, 3]
    a = np.asarray(original)
    if clear:
        np.testing.assert_array_equal(alpha, np.where(clear(a), 0, 255))
    else:
        np.testing.assert_array_equal(alpha, np.select([a == 0, a == 1], [9, 99], 255))
    seen = alpha > 0
    np.testing.assert_array_equal(found[seen, :3], np.asarray(original.convert("RGB"))[seen])


@pytest.mark.parametrize("name, most", [("in.jpg", 2), ("cmyk.jpg", 2)])
def test_jpeg_in_ycbcr_and_cmyk(name, most, run, tmp_path):
    smooth = np.linspace(0, 255, 32 * 32).reshape(32, 32).astype(np.uint8)
    original = picture(np.dstack([smooth, smooth.T, 255 - smooth]))
    mode = "CMYK" if name.startswith("cmyk") else "RGB"
    found, *_ = run(original.convert(mode), 10_000, name, quality=100, subsampling=0)
    assert np.abs(found[:, :, :3].astype(int) - np.asarray(original)).mean() < most


DEEP = np.linspace(0, 65535, 20).reshape(4, 5)


@pytest.mark.parametrize(
    "values, name, white",
    [
        (DEEP.astype(np.uint16), "in.png", 65535),
        ((DEEP / 300).astype(np.uint16), "in.png", 65535),
        (DEEP.astype(np.uint16), "in.tif", 65535),
        ((DEEP / 300).astype(np.uint16), "in.tif", 65535),
        (DEEP.astype(np.int32), "in.tif", 65535),
        ((DEEP / 257).astype(np.int32), "in.tif", 255),
        ((DEEP * 30000).astype(np.int32), "in.tif", 30000 * 65535),
        ((DEEP / 65535).astype(np.float32), "in.tif", 1),
        ((DEEP / 257).astype(np.float32), "in.tif", 255),
        ((DEEP * 10).astype(np.float32), "in.tif", 655350),
    ],
    ids=["grey16", "dark16", "tiff16", "darktiff16", "int16", "int8", "int32", "float1", "float255", "float"],
)
def test_deep_pictures_are_scaled_not_cut(values, name, white, run):
    found, *_ = run(Image.fromarray(values), 300, name)
    np.testing.assert_allclose(found[:, :, 0], values / white * 255, atol=0.501)
    assert (found[:, :, 3] == 255).all()


def test_values_below_zero_are_scaled_too(run):
    found, *_ = run(Image.fromarray(np.array([[-1, 0, 1]], np.float32)), 3, "in.tif")
    assert found[0, :, 0].tolist() == [0, 128, 255]


def deep_png(values, transparent=None):
    """A PNG of 16 bits, grey or RGB. Pillow cannot write all of these."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(
        ">IIBBBBB", values.shape[1], values.shape[0], 16, 2 if values.ndim == 3 else 0, 0, 0, 0
    )
    trns = b"" if transparent is None else chunk(b"tRNS", np.array(transparent, ">u2").tobytes())
    body = chunk(b"IHDR", header) + trns + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_sixteen_bits_of_colour_are_scaled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.linspace(0, 65535, 2 * 3 * 3).reshape(2, 3, 3).astype(int)
    Path("in.png").write_bytes(deep_png(values))
    script.main(["image", "-k", "300", "--image", "in.png"])
    found = np.asarray(Image.open("compressed_k300.png").convert("RGB"))
    np.testing.assert_allclose(found, values / 257, atol=1)


# transparency


def test_a_hidden_colour_does_not_pull(run):
    """Half of the picture is transparent green: the visible half must come out as it does alone."""
    visible = np.dstack([RGB[:, 7:], np.full((9, 7), 255, np.uint8)])
    hidden = np.broadcast_to(np.array([0, 255, 0, 0], np.uint8), (9, 700, 4))
    found, *_ = run(picture(np.hstack([visible, hidden])), 3)
    assert (found[:, 7:, 3] == 0).all()
    assert (found[:, 7:, :3] == 0).all()
    assert (found[:, :7, 3] == 255).all()


def test_soft_edges_stay_soft(run):
    edge = np.linspace(0, 255, 64).astype(np.uint8)
    original = np.dstack(
        [np.full((8, 64), 255), np.zeros((8, 64)), np.zeros((8, 64)), edge[None].repeat(8, 0)]
    )
    found, _, result = run(picture(original.astype(np.uint8)), 16)
    assert result.mode == "P"
    assert np.abs(found[:, :, 3].astype(int) - edge).max() <= 16
    seen = found[:, :, 3] > 0
    assert (found[seen, 0] == 255).all()  # red to the very edge
    assert (found[seen, 1:3] == 0).all()


@pytest.mark.parametrize("k", [2, 5, 40, 300])
def test_opaque_rgba_is_rgb(k, run):
    plain, out, _ = run(picture(RGB), k)
    opaque, same, _ = run(picture(np.dstack([RGB, np.full((9, 14), 255, np.uint8)])), k)
    np.testing.assert_array_equal(plain, opaque)
    assert out.splitlines()[0] == same.splitlines()[0]


# the result


@pytest.mark.parametrize(
    "k, bits", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (60, 8), (256, 8), (257, 24)]
)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "with alpha"])
def test_bits_per_pixel_in_the_file(k, bits, alpha, run):
    array = rng.integers(0, 256, (20, 30, 4 if alpha else 3)).astype(np.uint8)
    found, _, result = run(picture(array), k)
    header = Path("out.png").read_bytes()[24:26]  # of IHDR: bit depth, and 3 for a palette
    assert tuple(header) == ((bits, 3) if k <= 256 else (8, 6 if alpha else 2))
    assert len(np.unique(found.reshape(-1, 4), axis=0)) <= k


@pytest.mark.parametrize("k", [1, 2, 7, 50])
def test_the_weighted_colours_lead_where_the_pixels_lead(k, run):
    array = (rng.normal(size=(40, 50, 3)) * 30 + rng.choice([60, 130, 200], (40, 50, 1))).clip(0, 255)
    array = (array // 8 * 8).astype(np.uint8)  # many pixels of one colour
    found, out, _ = run(picture(array), k)
    np.random.seed(0)
    z, C, loss = script.kmeans(array.reshape(-1, 3), k)
    np.testing.assert_array_equal(found[:, :, :3], np.rint(C)[z].reshape(40, 50, 3))
    assert out.startswith(f"K-means loss: {loss:.10g}\n")
    error = ((found[:, :, :3].astype(float) - array) ** 2).mean()
    assert f"PSNR: {10 * np.log10(255**2 / error):.2f} dB" in out


def test_colours_are_rounded_to_the_nearest_not_cut_off(run):
    found, *_ = run(picture(np.array([[[10] * 3, [11] * 3, [11] * 3]], np.uint8)), 1)
    assert found[0, 0].tolist() == [11, 11, 11, 255]  # their mean is 10.67


@pytest.mark.parametrize(
    "array",
    [RGB[:1, 8:9], RGB[:1], RGB[:, :1], np.full((5, 6, 3), 7, np.uint8), RGB[:1, 6:8].repeat(9, axis=0)],
    ids=["1 x 1", "1 x N", "N x 1", "one colour", "two colours"],
)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_smallest_pictures(array, k, run):
    found, out, _ = run(picture(array), k)
    assert found.shape[:2] == array.shape[:2]
    if k >= len(np.unique(array.reshape(-1, 3), axis=0)):
        np.testing.assert_array_equal(found, rgba(array))


def test_says_when_the_file_is_not_smaller(run):
    assert "not smaller" in run(picture(RGB[:2, :2]).quantize(4), 4)[1]
    noise = picture(rng.integers(0, 256, (99, 99, 3)).astype(np.uint8))
    assert "not smaller" not in run(noise, 2)[1]


def test_exif_orientation_is_applied(run):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rows are columns
    found, *_ = run(picture(RGB), 300, exif=exif)
    np.testing.assert_array_equal(found[:, :, :3], np.rot90(RGB, -1))
    assert Image.open("out.png").getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("name", ["in.gif", "in.png", "in.webp", "in.tif"])
def test_of_an_animation_the_first_frame(name, run):
    frames = [picture(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200, 90)]
    found, out, _ = run(frames[0], 2, name, save_all=True, append_images=frames[1:])
    assert "the first of 3 frames" in out
    assert np.abs(found[:, :, 0].astype(int) - 10).max() <= 3


def test_a_profile_for_rgb_is_kept(run):
    *_, result = run(picture(RGB), 5, icc_profile=SRGB)
    assert result.info["icc_profile"] == SRGB
    *_, result = run(picture(RGB), 300, icc_profile=SRGB)
    assert result.info["icc_profile"] == SRGB


def test_a_profile_that_is_not_for_rgb_does_not_reach_the_result(run):
    broken = SRGB[:16] + b"GRAY" + SRGB[20:]
    found, _, result = run(picture(GREY), 300, icc_profile=broken)
    assert "icc_profile" not in result.info
    np.testing.assert_array_equal(found[:, :, 0], GREY)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert "icc_profile" not in run(picture(RGB).convert("CMYK"), 5, "in.jpg", icc_profile=lab)[2].info


def test_a_real_photograph(run):
    matplotlib = pytest.importorskip("matplotlib")
    with Image.open(Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")) as photograph:
        found, out, _ = run(photograph.convert("RGB"), 16, "in.jpg")
    assert found.shape == (600, 512, 4)
    assert "factor 6\n" in out


# what is broken beside the pixels costs only itself


def saved(original, kind, **options):
    buffer = io.BytesIO()
    original.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_with(tag, kind, value):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[tag], info.tagtype[tag] = value, kind
    return saved(picture(RGB), "TIFF", tiffinfo=info)


def hex_that_is_none():
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n    20\nno hex\n")
    return saved(picture(RGB), "PNG", pnginfo=info)


def next_page(offset):
    """A TIFF that says its next page begins at offset."""
    data = bytearray(saved(picture(RGB), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, offset)
    return bytes(data)


def frames_cut_short(kind, share):
    others = [picture(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)) for _ in "12"]
    data = saved(picture(RGB), kind, save_all=True, append_images=others)
    return data[: int(len(data) * share)]


PALETTE, CMYK = picture(RGB).quantize(30), picture(RGB).convert("CMYK")
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0"
BESIDE = {  # the file, what is read without, and the picture it is
    "a profile of junk, RGB": (saved(picture(RGB), "PNG", icc_profile=b"junk" * 90), "colour profile", RGB),
    "a profile of zeros, RGB": (saved(picture(RGB), "PNG", icc_profile=bytes(999)), "colour profile", RGB),
    "a profile cut short, RGB": (saved(picture(RGB), "PNG", icc_profile=SRGB[:300]), "colour profile", RGB),
    "a profile of junk, grey": (
        saved(picture(GREY), "PNG", icc_profile=b"junk" * 90),
        "colour profile",
        GREY,
    ),
    "a profile of junk, palette": (saved(PALETTE, "PNG", icc_profile=b"junk"), "colour profile", PALETTE),
    "a profile of junk, WebP": (
        saved(picture(RGB), "WEBP", icc_profile=b"junk" * 90, lossless=True),
        "colour profile",
        RGB,
    ),
    "a profile of junk, CMYK": (saved(CMYK, "TIFF", icc_profile=b"junk" * 90), "colour profile", CMYK),
    "a profile for RGB, CMYK": (saved(CMYK, "TIFF", icc_profile=SRGB), "colour profile", CMYK),
    "a profile that is text": (tiff_with(34675, 2, "text"), "colour profile", RGB),
    "a profile that is a number": (tiff_with(34675, 3, 7), "colour profile", RGB),
    "EXIF of junk": (saved(picture(RGB), "PNG", exif=b"Exif\0\0junkjunk"), "EXIF", RGB),
    "EXIF in hex that is none": (hex_that_is_none(), "EXIF", RGB),
    "EXIF that turns by a word": (
        saved(picture(RGB), "PNG", exif=EXIF + b"\1\x01\x12\0\2\0\0\0\4abc\0\0\0\0\0"),
        None,
        RGB,
    ),
    "EXIF that turns, and an entry beyond its end": (
        saved(
            picture(RGB),
            "PNG",
            exif=EXIF + b"\2\x01\x12\0\3\0\0\0\1\0\6\0\0\x01\x1a\0\5\0\0\0\1\0\0\xff\xff\0\0\0\0",
        ),
        None,
        np.rot90(RGB, -1),
    ),
    "a next page beyond the end": (next_page(10**6), "list of further frames", RGB),
    "a next page that is none": (next_page(3), "list of further frames", RGB),
    "a GIF cut off in a later frame": (frames_cut_short("GIF", 0.4), "list of further frames", None),
    "a TIFF cut off in a later page": (frames_cut_short("TIFF", 0.4), "list of further frames", None),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", BESIDE)
def test_what_is_broken_beside_the_pixels_is_left_out(case, tmp_path, monkeypatch, capsys):
    content, without, wanted = BESIDE[case]
    monkeypatch.chdir(tmp_path)
    Path("in").write_bytes(content)
    script.main(["image", "-k", "300", "--image", "in", "--out", "out.png"])
    assert re.findall("^in: read without its (.*?):", capsys.readouterr().out, re.M) == [without] * bool(
        without
    )
    with Image.open("out.png") as result:
        assert "icc_profile" not in result.info
        if wanted is not None:
            wanted = wanted if isinstance(wanted, Image.Image) else picture(wanted)
            np.testing.assert_array_equal(
                np.asarray(result.convert("RGB")), np.asarray(wanted.convert("RGB"))
            )


def grey_profile():
    """An ICC profile for grey, of which the values are the light itself: gamma 1."""
    white = struct.pack(">3i", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none",
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">IHH", 1, 256, 0),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", 132 + 12 * len(tags) + len(body), b"", 0x02400000, b"mntr", b"GRAY", b"XYZ "
    )
    return (head + bytes(12) + b"acsp" + bytes(28) + white).ljust(128, b"\0") + table + body


LIGHT = np.repeat(np.linspace(0, 255, 14).astype(np.uint8)[None], 9, axis=0)
OF_GREY = {
    "grey": (picture(LIGHT), "in.png", {}),
    "grey with alpha": (picture(np.dstack([LIGHT, ALPHA])), "in.png", {}),
    "grey with a transparent value": (picture(LIGHT), "in.png", {"transparency": 0}),
    "palette": (picture(LIGHT).convert("P"), "in.png", {}),
    "16 bits": (picture(LIGHT.astype(np.uint16) * 257), "in.png", {}),
    "32 bits": (picture(LIGHT.astype(np.int32)), "in.tif", {}),
    "floats": (picture((LIGHT / 255).astype(np.float32)), "in.tif", {}),
    "grey in RGB": (picture(LIGHT).convert("RGB"), "in.png", {}),
}


@pytest.mark.parametrize("case", OF_GREY)
def test_a_profile_for_grey_is_applied_and_alpha_stays(case, run):
    original, name, options = OF_GREY[case]
    found, _, result = run(original, 300, name, icc_profile=grey_profile(), **options)
    light = LIGHT / 255
    wanted = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # sRGB
    alpha = ALPHA if "alpha" in case else 255 * (LIGHT > 0) if options else np.full_like(LIGHT, 255)
    np.testing.assert_array_equal(found[:, :, 3], alpha)
    np.testing.assert_allclose(found[:, :, :3][alpha > 0], np.dstack([wanted] * 3)[alpha > 0], atol=2)
    assert "icc_profile" not in result.info


def test_a_profile_for_grey_is_not_applied_to_colours(run):
    found, out, _ = run(picture(RGB), 300, icc_profile=grey_profile())
    np.testing.assert_array_equal(found[:, :, :3], RGB)
    assert "in.png: read without its colour profile: it is for grey, and these are colours\n" in out


# scale and sign, as the file says


def tiff(data, width, height, bits, kind=1, zero_is_black=1):
    """A grey TIFF as Pillow does not write it."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: zero_is_black, 273: 8, 277: 1, 278: height}
    tags |= {279: len(data), 339: kind}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data
    return head + struct.pack("<H", len(tags)) + entries + bytes(4)


def twelve(values):
    """Pairs of 12 bits in three bytes."""
    a, b = values.reshape(-1, 2).T
    return np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], axis=1).astype(np.uint8).tobytes()


def tga(array, bits_of_alpha):
    head = struct.pack("<3B5x4H2B", 0, 0, 2, 0, 0, *array.shape[1::-1], 32, 32 | bits_of_alpha)
    return head + array[:, :, [2, 1, 0, 3]].tobytes()


RAMP = np.linspace(0, 1, 12).reshape(3, 4)
GREYS = {
    "16 bits, zero is white": (tiff((65535 - RAMP * 65535).astype("<u2").tobytes(), 4, 3, 16, 1, 0), RAMP),
    "floats, zero is white": (tiff((1 - RAMP).astype("<f4").tobytes(), 4, 3, 32, 3, 0), RAMP),
    "12 bits": (tiff(twelve((RAMP * 4095).astype(int)), 4, 3, 12), RAMP),
    "12 bits, dark": (tiff(twelve((RAMP * 1000).astype(int)), 4, 3, 12), RAMP * 1000 / 4095),
    "32 bits without a sign": (tiff((RAMP * (2**32 - 1)).astype("<u4").tobytes(), 4, 3, 32), RAMP),
    "floats of which one is 1.05": (saved(picture((RAMP * 1.05).astype(np.float32)), "TIFF"), RAMP),
    "floats up to 250": (saved(picture((RAMP * 250).astype(np.float32)), "TIFF"), RAMP * 250 / 255),
    "floats up to 300": (saved(picture((RAMP * 300).astype(np.float32)), "TIFF"), RAMP),
    "floats up to the largest": (saved(picture((RAMP * 6e38 - 3e38).astype(np.float32)), "TIFF"), RAMP),
    "a PGM of 12 bits": (b"P5 4 3 4095\n" + (RAMP * 4095).astype(">u2").tobytes(), RAMP),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", GREYS)
def test_the_scale_of_grey(case, tmp_path, monkeypatch, capsys):
    content, light = GREYS[case]
    monkeypatch.chdir(tmp_path)
    Path("in").write_bytes(content)
    script.main(["image", "-k", "300", "--image", "in", "--out", "out.png"])
    with Image.open("out.png") as result:
        np.testing.assert_allclose(np.asarray(result.convert("L")), light * 255, atol=1)
    assert "in: read at 8 bits a channel, of more\n" in capsys.readouterr().out


@pytest.mark.parametrize("bits", [0, 8])
def test_the_fourth_byte_of_a_tga_counts_if_the_file_says_so(bits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    array = np.dstack([RGB, ALPHA])
    Path("in.tga").write_bytes(tga(array, bits))
    script.main(["image", "-k", "300", "--image", "in.tga", "--out", "out.png"])
    with Image.open("out.png") as result:
        found = np.asarray(result.convert("RGBA"))
    np.testing.assert_array_equal(found[:, :, 3], ALPHA if bits else 255)
    np.testing.assert_array_equal(found[:, 2:, :3], RGB[:, 2:])


@pytest.mark.parametrize("shape, transparent", [((2, 3, 3), (0, 0, 0)), ((2, 9), (0,))], ids=["RGB", "grey"])
def test_a_transparent_colour_of_16_bits_is_refused(shape, transparent, tmp_path):
    data = deep_png(np.linspace(0, 65535, 18).reshape(shape).astype(int), transparent)
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(ValueError, match="in.png: a transparent colour of 16 bits; save it with alpha or 8"):
        script.read_picture(tmp_path / "in.png")


def test_gamma_and_primaries_of_a_png_are_kept(run):
    info = PngImagePlugin.PngInfo()
    primaries = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    info.add(b"gAMA", struct.pack(">I", 45455))
    info.add(b"cHRM", struct.pack(">8I", *primaries))
    for k in (4, 300):
        *_, result = run(picture(RGB), k, pnginfo=info)
        assert result.info["gamma"] == 0.45455
        np.testing.assert_allclose(result.info["chromaticity"], np.divide(primaries, 1e5))


# refusals


def png(array):
    buffer = io.BytesIO()
    picture(array).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(kind):
    buffer = io.BytesIO()
    picture(RGB.repeat(9, axis=0)).save(buffer, kind)
    return buffer.getvalue()


def bomb():
    """A PNG that says to be 30,000 x 30,000."""
    data = bytearray(png(RGB))
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


BROKEN = {
    "zero bytes": b"",
    "text": b"this is no picture\n",
    "bytes of zero": bytes(1000),
    "a bomb": bomb(),
    "a PNG header alone": png(RGB)[:8],
    "a GIF header alone": b"GIF89a",
    "a BMP header alone": b"BM" + bytes(30),
    "a TIFF header alone": b"II*\0\x08\0\0\0\xff\xff",
    "a JPEG header alone": encoded("JPEG")[:20],
    "a PSD header alone": b"8BPS\0\1" + bytes(10),
    "an icon header alone": b"\0\0\1\0\1\0" + bytes(10),
    "floats that are no numbers": None,
} | {
    f"half a {kind}": encoded(kind)[: len(encoded(kind)) // 2]
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP")
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses_in_one_line_and_leaves_the_old_result(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if BROKEN[case] is None:
        Image.fromarray(np.array([[np.nan, 1]], np.float32)).save("in.tif")
        Path("in.tif").rename("in.png")
    else:
        Path("in.png").write_bytes(BROKEN[case])
    Path("compressed_k4.png").write_text("an older result")
    with pytest.raises(SystemExit) as stop:
        script.run(lambda: script.main(["image", "-k", "4", "--image", "in.png"]))
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith("kmeans.py: error: in.png: ")
    assert not err.endswith((": None\n", ": \n"))
    assert err.count("\n") == 1
    assert sorted(os.listdir()) == ["compressed_k4.png", "in.png"]
    assert Path("compressed_k4.png").read_text() == "an older result"


@pytest.mark.parametrize(
    "args, message",
    [
        (["--image", "missing.png"], "missing.png: No such file or directory"),
        (["--image", "folder"], "folder: Is a directory"),
        (["--image", "in.png", "--out", "nowhere/out.png"], "nowhere/out.png: No such file or directory"),
        (["--image", "in.png", "--out", "folder.png"], "folder.png: Is a directory"),
        (
            ["--image", "in.png", "--out", "out.jpg"],
            "out.jpg: the result is a PNG, so its name must end in .png",
        ),
    ],
)
def test_files_that_cannot_be_used(args, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture(RGB).save("in.png")
    os.mkdir("folder")
    os.mkdir("folder.png")
    with pytest.raises(SystemExit) as stop:
        script.run(lambda: script.main(["image", "-k", "4", *args]))
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("kmeans.py: error: ")
    assert err.endswith(f"{message}\n")
    assert sorted(os.listdir()) == ["folder", "folder.png", "in.png"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(RGB).save("in.png")
    os.chmod("in.png", 0)
    with pytest.raises(ValueError, match="in.png: Permission denied"):
        script.main(["image", "-k", "4", "--image", "in.png"])


def test_a_picture_may_be_replaced_by_its_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(RGB).save("in.png")
    script.main(["image", "-k", "4", "--image", "in.png", "--out", "in.png"])
    assert len(np.unique(np.asarray(Image.open("in.png").convert("RGB")).reshape(-1, 3), axis=0)) <= 4


# large ones


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="the peak is read as on Linux")
@pytest.mark.parametrize("colours, k, most", sample([(16, 4, 25), (1 << 24, 2, 95)], 2), ids=["few", "many"])
def test_memory_by_pixel(colours, k, most, tmp_path):
    """One megapixel; the peak above that of one pixel, in bytes by pixel."""
    runs = finish(peaks(colours, k, tmp_path), tmp_path)
    big, small = (1024 * int(done.stdout.split()[-1]) for done in runs)
    assert (big - small) / 1e6 < most


def peaks(colours, k, folder):
    """Commands that print the peak for a picture of one megapixel, and for one of one pixel.

    VmHWM is that of the program; the ru_maxrss of getrusage() is at least the size of who started it.
    """
    values = np.random.default_rng(1).integers(0, colours, (1000, 1000), dtype=np.uint32)
    picture(values.view(np.uint8).reshape(1000, 1000, 4)[:, :, :3]).save(folder / "big.png", compress_level=1)
    picture(RGB[:1, :1]).save(folder / "small.png")
    code = f"import re, sys; sys.path.insert(0, {str(ROOT)!r}); import kmeans; kmeans.main(sys.argv[1:]); "
    code += "print(re.search('VmHWM:(.*) kB', open('/proc/self/status').read())[1])"
    command = ["-c", code, "image", "-k", k, "--out", "out.png", "--image"]
    return [[*command, "big.png"], [*command, "small.png"]]


def test_between_the_warning_and_the_limit_of_pillow_a_picture_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    picture(RGB).save("in.png")  # 126 pixels
    script.main(["image", "-k", "4", "--image", "in.png"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    with pytest.raises(ValueError, match=r"in.png: .*exceeds limit of 120 pixels"):
        script.main(["image", "-k", "4", "--image", "in.png"])


def test_a_picture_needs_neither_matplotlib_nor_scipy(tmp_path):
    code = "import sys, kmeans; kmeans.main(['image', '-k', '2', '--out', sys.argv[1]]); "
    code += "print({'matplotlib', 'scipy'} & set(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code, tmp_path / "out.png"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("set()", "")


@pytest.mark.all
@pytest.mark.parametrize("mode", ["image", "basic"])
def test_the_number_of_threads_changes_nothing(mode, tmp_path):
    runs = finish([["-c", WITH_THREADS, n, ROOT / "kmeans.py", mode, "-k", 8] for n in THREADS], tmp_path)
    results = []
    for threads, done in zip(THREADS, runs):
        assert done.returncode == 0, done.stderr
        results.append((done.stdout, *(path.read_bytes() for path in (tmp_path / threads).iterdir())))
    assert len(results[0]) == 2 and results[0] == results[1] == results[2]


THREADS = ("1", "2", "5")
WITH_THREADS = """
import os, runpy, sys
threads, *sys.argv = sys.argv[1:]
os.mkdir(threads)
os.chdir(threads)
os.environ |= {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
