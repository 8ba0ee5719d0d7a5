"""Images as PNG, made in the child process alone: numpy, astropy and Pillow, where installed."""

import io
import json
from typing import Any

# Pixels of a side of what is shown.
MAX_SIDE = 1024
# Pixels of an image that is read at all.
MAX_PIXELS = 200_000_000
# Formats that browsers do not show by themselves, and that Pillow reads.
FORMATS = ("TIFF", "BMP", "PPM", "JPEG2000")

_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


class Unreadable(ValueError):
    """The image is damaged, too large, or of a kind that is not read here."""


def warm_up_pillow() -> None:
    """Import what Pillow imports late: the child opens no more files afterwards."""
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    image = Image.new("L", (2, 2))
    for kind in ("TIFF", "BMP", "PPM"):
        buffer = io.BytesIO()
        image.save(buffer, kind)
        convert_image(buffer.getvalue())
    Image.init()


def warm_up_fits() -> None:
    """Import what astropy imports late; see `warm_up_pillow`."""
    import numpy as np  # noqa: PLC0415
    from astropy.io import fits  # noqa: PLC0415

    warm_up_pillow()
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.ones((8, 8), "i2"))])
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    compressed = buffer.getvalue()[2880:]
    convert_fits(json.dumps({"compressed": True}).encode(), compressed)


def convert_image(data: bytes) -> bytes:
    """An image file as a PNG of at most `MAX_SIDE` pixels.

    Raises:
        Unreadable: see there.
    """
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.thumbnail((MAX_SIDE, MAX_SIDE))
            return _save_png(_with_eight_bits(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError) as error:
        raise Unreadable(str(error)) from error


def convert_fits(meta: bytes, data: bytes) -> bytes:
    """The first plane of an image of a FITS file as a PNG, scaled as `zscale` does it.

    `meta` is JSON: for a plain image its `bitpix`, `width`, `height`, `scale`, `zero` and `blank`,
    and `data` is the plane; with `compressed`, `data` is the extension's header and table.

    Raises:
        Unreadable: see there.
    """
    import numpy as np  # noqa: PLC0415
    from astropy.visualization import ZScaleInterval  # noqa: PLC0415

    described = json.loads(meta)
    try:
        plane = _compressed(data) if described.get("compressed") else _plain(described, data)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise Unreadable(str(error)) from error
    finite = np.isfinite(plane)
    if not finite.any():
        raise Unreadable("the image holds no values")
    low, high = ZScaleInterval().get_limits(plane[finite])
    scaled = (plane - low) / (high - low if high > low else 1)
    grey = (np.clip(np.where(finite, scaled, 0), 0, 1) * 255).astype("u1")
    return _png_of_array(grey[::-1])


def _plain(described: dict[str, Any], data: bytes) -> Any:
    import numpy as np  # noqa: PLC0415

    width, height = described["width"], described["height"]
    raw = np.frombuffer(data, _TYPES[described["bitpix"]]).reshape(height, width)
    step = -(-max(width, height) // MAX_SIDE)
    raw = raw[::step, ::step]
    plane = raw.astype("f4") * described["scale"] + described["zero"]
    if described["blank"] is not None and raw.dtype.kind != "f":
        plane[raw == described["blank"]] = np.nan
    return plane


def _compressed(extension: bytes) -> Any:
    from astropy.io import fits  # noqa: PLC0415

    primary = io.BytesIO()
    fits.PrimaryHDU().writeto(primary)
    with fits.open(io.BytesIO(primary.getvalue() + extension), memmap=False) as hdus:
        data = hdus[1].data
        while data.ndim > 2:
            data = data[0]
        step = -(-max(data.shape) // MAX_SIDE)
        return data[::step, ::step].astype("f4")


def _png_of_array(grey: Any) -> bytes:
    from PIL import Image  # noqa: PLC0415

    return _save_png(Image.fromarray(grey))


def _save_png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _with_eight_bits(image: Any) -> Any:
    """Grey values of more bits are stretched from the lowest to the highest."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        low, high = image.convert("F").getextrema()
        factor = 255 / (high - low) if high > low else 0.0
        return image.convert("F").point(lambda value: value * factor - low * factor).convert("L")
    return image if image.mode in ("L", "LA", "RGB", "RGBA", "1") else image.convert("RGBA")
