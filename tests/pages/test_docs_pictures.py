"""The pictures of the documentation can be taken."""

import io

import pytest
from PIL import Image
from playwright.async_api import Browser

from .docs_pictures import PICTURES, WIDTH, take

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The desktop needs a container.
STUBS = [name for name in PICTURES if name != "desktop"]


@pytest.mark.parametrize("name", STUBS)
async def test_a_picture_is_taken(browser: Browser, name: str) -> None:
    with Image.open(io.BytesIO(await take(browser, PICTURES[name]))) as image:
        assert image.size == (WIDTH, PICTURES[name].height)
        assert len(image.getcolors() or ()) > 16
