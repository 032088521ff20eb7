"""Take the README's screenshot of the running program: `make screenshots`."""

import asyncio
import math
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFilter
from playwright.async_api import Page, ViewportSize, expect

from tests.browser.photos import text_file
from tests.browser.visitor import DEVELOPED_MILLISECONDS, Connection, Visitor, drop, expect_images, running_chromium
from tests.installation import running_installation

GALLERY = Path(__file__).parents[2] / "docs" / "gallery.png"
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
IMAGE = (1600, 1200)
COLOURS = 256
SLOW_BYTES_PER_SECOND = 60_000

# Sky at the top, sky at the horizon, sun, nearest hill.
SCENES = {
    "winter noon.jpg": ("#9db9cf", "#f4f1ea", "#ffffff", "#51687d"),
    "vineyard.jpg": ("#4f93b8", "#f2e2b0", "#fff3cf", "#5a5a1e"),
    "after rain.jpg": ("#52697a", "#b9cdb9", "#f4f6dd", "#1f3d3a"),
    "desert rose.jpg": ("#a5586b", "#f7cda0", "#fff0d2", "#5e2430"),
    "first light.jpg": ("#31456a", "#f2b28c", "#ffe9c4", "#1d2233"),
    "fjord at noon.jpg": ("#3f86c4", "#d8ecf6", "#fffdf2", "#14414f"),
    "lavender hour.jpg": ("#46366f", "#e5a3b4", "#ffe0d2", "#2a1b3d"),
    "dunes.jpg": ("#7cb3d0", "#f7e3b8", "#fff6dc", "#a2582a"),
    "pine ridge.jpg": ("#8fb0a7", "#e6eee0", "#fbfaf0", "#173027"),
    "harbour dusk.jpg": ("#16233f", "#e0734e", "#ffd092", "#0b111f"),
    "high meadow.jpg": ("#5aa2d6", "#e9f3d5", "#fffbe0", "#3d6b2c"),
    "red evening.jpg": ("#5b1f35", "#f08a4b", "#ffd9a0", "#210d18"),
    "snow line.jpg": ("#5f7ea8", "#eef3f8", "#ffffff", "#3a4a63"),
}
UNTIL_PARTLY_SENT = """(progress) => new Promise((resolve) => {
  const look = () => (progress.value > 0.4 ? resolve() : requestAnimationFrame(look));
  look();
})"""
BROKEN, ON_ITS_WAY = "shopping list.jpg", "night sky.jpg"


def main() -> None:
    with TemporaryDirectory() as folder, running_installation(Path(folder)) as installation:
        asyncio.run(take_gallery(installation.url, Path(folder)))


async def take_gallery(url: str, folder: Path) -> None:
    photos = await asyncio.to_thread(draw_all, folder)
    async with running_chromium() as chromium:
        visitor = Visitor(await chromium.new_context(locale="en-GB", viewport=VIEWPORT, color_scheme="light"), url)
        page = await visitor.register()
        await drop(page, photos)
        await expect_images(page, len(photos))
        await drop(page, [text_file(folder / BROKEN)])
        await expect(page.get_by_text("Could not be developed")).to_be_visible(timeout=DEVELOPED_MILLISECONDS)
        await begin_upload(page, folder / ON_ITS_WAY)
        await page.mouse.move(0, 0)
        content = await page.screenshot(animations="disabled")
    await asyncio.to_thread(save_small, content, folder / "gallery.png")


async def begin_upload(page: Page, file: Path) -> None:
    """Start an upload of this file and leave it in progress."""
    await asyncio.to_thread(draw, file, ("#070b1c", "#2b3f6e", "#f4f1de", "#04060f"), 1)
    await (await Connection.of(page)).limit_uploads(SLOW_BYTES_PER_SECOND)
    await drop(page, [file])
    await page.locator(".tile progress:visible").evaluate(UNTIL_PARTLY_SENT)


def draw_all(folder: Path) -> list[Path]:
    return [draw(folder / name, colours, number) for number, (name, colours) in enumerate(SCENES.items())]


def draw(file: Path, colours: tuple[str, str, str, str], seed: int) -> Path:
    """Draw rows of hills under a sun, with the grain of a photo."""
    chance = random.Random(seed)
    width, height = IMAGE
    above, horizon, sun, near = (Image.new("RGB", IMAGE, colour) for colour in colours)
    scene = Image.composite(horizon, above, Image.linear_gradient("L").resize(IMAGE))
    disc, across, up = Image.new("L", IMAGE), chance.uniform(0.25, 0.75) * width, chance.uniform(0.3, 0.5) * height
    radius = chance.uniform(50, 90)
    ImageDraw.Draw(disc).ellipse((across - radius, up - radius, across + radius, up + radius), fill=255)
    scene.paste(sun, mask=disc.filter(ImageFilter.GaussianBlur(90)).point(lambda value: min(255, value * 2)))
    scene.paste(sun, mask=disc.filter(ImageFilter.GaussianBlur(2)))
    ridges = 5
    for number in range(1, ridges + 1):
        hill = Image.blend(horizon, near, number / ridges)
        scene.paste(hill, mask=ridge(chance, 0.42 + 0.11 * number, 0.09 + 0.015 * number))
    grain = Image.effect_noise(IMAGE, 18).convert("RGB")
    Image.blend(scene, grain, 0.04).save(file, "JPEG", quality=88)
    return file


def ridge(chance: random.Random, top: float, swing: float) -> Image.Image:
    """Return a mask of everything below a wavy line; `top` and `swing` are fractions of the height."""
    width, height = IMAGE
    waves = [(chance.uniform(0.6, 1.4) * 2**octave, chance.uniform(0, math.tau), 0.5**octave) for octave in range(6)]
    line = [
        (
            x,
            height
            * (top + swing * sum(size * math.sin(math.tau * turns * x / width + at) for turns, at, size in waves)),
        )
        for x in range(0, width + 1, 4)
    ]
    mask = Image.new("L", IMAGE)
    ImageDraw.Draw(mask).polygon([*line, (width, height), (0, height)], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1.2))


def save_small(content: bytes, file: Path) -> None:
    """Save with a palette: a third of the size, without a visible difference."""
    file.write_bytes(content)
    with Image.open(file) as opened:
        full = opened.convert("RGB")
    palette = full.quantize(COLOURS, kmeans=1)
    full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(GALLERY, optimize=True)


if __name__ == "__main__":
    main()
