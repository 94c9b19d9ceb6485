"""Open every page of the built documentation in Chromium, as a reader does: wide and narrow, light and dark.

Run by the session `docs`, which builds the pages first.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright

BUILT = Path(__file__).parents[2] / "docs" / "_build" / "html"
PAGES = sorted(page.relative_to(BUILT).as_posix() for page in BUILT.rglob("*.html"))
WIDTHS = (1280, 360)
# Without these, Chromium looks for updates. Root has no sandbox.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

# What does not fit: the page scrolls sideways. Names the innermost elements that are too wide and not scrolled.
TOO_WIDE = """() => {
  const root = document.scrollingElement, width = root.clientWidth;
  if (root.scrollWidth <= width) return [];
  const isScrolled = element => element && element !== document.body
    && (getComputedStyle(element).overflowX !== 'visible' || isScrolled(element.parentElement));
  const wide = [...document.querySelectorAll('article *')]
    .filter(each => each.getBoundingClientRect().right > width + 0.5 && !isScrolled(each.parentElement));
  const inner = wide.filter(each => !wide.some(other => other !== each && each.contains(other)));
  return [`${root.scrollWidth} > ${width}`,
    ...inner.slice(0, 5).map(each => `${each.tagName}: ${each.textContent.trim().slice(0, 60)}`)];
}"""
MISSING = """() => [...document.images].filter(each => !each.complete || !each.naturalWidth).map(each => each.src)"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def give_up(reason: str) -> None:
    """Skip, but fail in CI, which must not leave anything out unnoticed."""
    (pytest.fail if os.environ.get("CI") and shutil.which("apt-get") else pytest.skip)(reason)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the built pages."""
    if not PAGES:
        give_up("needs the built pages: run `python -m nox -s docs`")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(BUILT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


# Not for the session: Playwright keeps an event loop running, in which other tests cannot call `asyncio.run`.
@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of Chromium, which prefers light or dark pages."""
    chromium = shutil.which("chromium")
    if chromium is None:
        give_up("needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield browser.new_page(color_scheme=request.param)
        browser.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_loads_without_errors(page: Page, site: str, name: str) -> None:
    """No error in the console, no picture that is missing, nothing from other hosts, no scrolling sideways."""
    problems: list[object] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((site, "data:")):
            problems.append(f"from another host: {request.url}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"{response.status}: {response.url}")

    def on_error(error: object) -> None:
        problems.append(error)

    listeners: dict[Any, Any] = {
        "console": on_console,
        "request": on_request,
        "response": on_response,
        "pageerror": on_error,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        page.goto(site + name)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            problems += [(width, *found) for found in [page.evaluate(TOO_WIDE)] if found]
        problems += page.evaluate(MISSING)
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert problems == []


def test_the_copy_button_copies_what_a_reader_types(page: Page, site: str) -> None:
    """Commands without prompts, and whole if they have several lines."""
    page.goto(f"{site}tutorials/first-bot.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator("div.highlight").filter(has_text="--trigger-word")
    block.hover()
    block.locator("button.copybtn").click()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied.split() == [word for word in block.locator("pre").inner_text().split() if word != "$"]
