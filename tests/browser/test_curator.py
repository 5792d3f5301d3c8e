"""The curator's pages in a browser: at a desk and on a phone, in the dark, with keys alone, and without JavaScript."""

import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image

from regraft.dataset.decision import DecisionKind, standing
from regraft.dataset.decisions import all_decisions, decide
from regraft.flows.web.app import curator
from regraft.flows.web.picture_pages import PICTURES_A_PAGE
from regraft.links.memory import SCHEMA
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.store.version import Version
from tests.browser.conftest import OVERFLOW, PAINTED, SHOTS, keep_picture
from tests.dataset.decided import decision
from tests.processes import free_port, until

pytestmark = pytest.mark.browser
MANY = 1_000
"""Pictures of a gallery that goes on and on."""
IN_VIEW_PAINTED = """() => [...document.images].every(image => {
    const box = image.getBoundingClientRect();
    return box.bottom < 0 || box.top > innerHeight || (image.complete && image.naturalWidth > 0);
})"""
"""Whether all pictures that are in view are painted."""
UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a, img")].filter(element =>
    element.tagName === "IMG" ? !element.hasAttribute("alt")
    : !(element.labels?.length || element.ariaLabel || element.textContent.trim() || element.querySelector("img[alt]"))
).map(element => element.outerHTML)"""
"""What no screen reader could name."""


class Served:
    """A store's pages on a port of this machine."""

    def __init__(self, store: Store):
        self.store, port = store, free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._server = uvicorn.Server(uvicorn.Config(curator(store), port=port, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until("the pages are served", lambda: self._server.started, 60)

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def served(first: Version) -> Iterator[Served]:
    """The pages of the menagerie's first version, in a store of the test's own."""
    pages = Served(first.store)
    yield pages
    pages.end()


def opened(browser: Any, url: str, **context: Any) -> tuple[Any, list[str]]:
    """A page of its own for a URL, and what it complains of."""
    page = browser.new_page(**{"viewport": {"width": 1200, "height": 900}} | context)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    return page, complaints


def paths(store: Store) -> dict[str, str]:
    """One address of each kind of page, by a name for its screenshot."""
    links = versions.newest(store).table("links.parquet")
    misfiled = links[links["reason"] == "misfiled"].iloc[0]
    return {
        "versions": "/",
        "review": "/review",
        "pictures": "/pictures?verdict=alive",
        "picture": f"/pictures/{misfiled['digest']}",
        "links": "/links?verdict=junk",
        "link": f"/link?url={misfiled['url']}",
        "decisions": "/decisions",
        "error": f"/links?version={'1999' * 30}",
    }


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("desk", 1200, "light"), ("night", 1200, "dark"), ("phone", 380, "light")]
)
def test_the_pages_are_painted_and_reach_out_to_nothing(
    served: Served, browser: Any, name: str, width: int, scheme: str
) -> None:
    digest = versions.newest(served.store).table("manifest.parquet")["digest"][0]
    decide(served.store, [decision("reject", digest, why="no" * 250, url=f"http://a.example/{'tiger' * 50}.jpg")])
    for kind, path in paths(served.store).items():
        viewport = {"width": width, "height": 900}
        page, complaints = opened(browser, "about:blank", viewport=viewport, color_scheme=scheme)
        requested: list[str] = []
        page.on("request", lambda request, requested=requested: requested.append(request.url))
        page.goto(served.address + path)
        page.wait_for_function(IN_VIEW_PAINTED)
        page.screenshot(path=SHOTS / f"curator-{kind}-{name}.png")
        assert [url for url in requested if not url.startswith(served.address)] == []
        assert [text for text in complaints if "404" not in text or kind != "error"] == []
        assert page.evaluate(OVERFLOW) <= 0, f"{path} is wider than the screen"
        assert page.evaluate(UNNAMED) == []
        page.close()


def test_keys_alone_decide_and_take_back(served: Served, browser: Any) -> None:
    page, complaints = opened(browser, f"{served.address}/review?kind=misfiled")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for key in ("j", "x", "ArrowRight", "x"):
        page.keyboard.press(key)
    assert page.locator("[data-marked]").inner_text() == "2 marked"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.wait_for_function(IN_VIEW_PAINTED)
    page.screenshot(path=SHOTS / "curator-marked.png")
    page.keyboard.press("r")
    page.wait_for_selector(".notice")
    assert "2 pictures are rejected" in page.locator(".notice").inner_text()
    assert [decision.kind for decision in standing(all_decisions(served.store))] == [DecisionKind.REJECT] * 2
    page.keyboard.press("u")
    page.wait_for_selector("text=taken back")
    assert standing(all_decisions(served.store)) == []
    page.goto(f"{served.address}/decisions")
    assert page.locator("tr.undone").count() == 2
    assert complaints == []
    page.close()


def test_a_key_means_the_picture_that_has_the_focus(served: Served, browser: Any) -> None:
    page, _ = opened(browser, f"{served.address}/review?kind=misfiled")
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.wait_for_selector("text=1 picture is skipped")
    assert page.locator(".tile").count() == 1, "what is skipped waits no more"
    page.close()


def test_words_that_are_typed_are_no_keys(served: Served, browser: Any) -> None:
    page, _ = opened(browser, f"{served.address}/pictures")
    page.locator("input[name=item]").first.check()
    page.locator("input[name=why]").fill("")
    page.keyboard.type("rear view")
    assert all_decisions(served.store) == []
    assert page.locator("input[name=why]").input_value() == "rear view"
    page.close()


def test_all_from_one_to_another_are_marked_with_shift(served: Served, browser: Any) -> None:
    page, _ = opened(browser, f"{served.address}/pictures")
    boxes = page.locator("input[name=item]")
    boxes.nth(1).click()
    boxes.nth(6).click(modifiers=["Shift"])
    assert page.locator("[data-marked]").inner_text() == "6 marked"
    page.close()


def test_without_javascript_everything_is_seen_and_can_be_decided(served: Served, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(f"{served.address}/pictures?reason=misfiled")
    assert page.locator(".tile img").count() == 2
    page.get_by_label("Mark tiger").check()
    page.get_by_role("button", name="Move to").click()
    assert "1 picture is moved to cat" in page.locator(".notice").inner_text()
    page.screenshot(path=SHOTS / "curator-without-javascript.png")
    page.get_by_role("button", name="Undo").click()
    assert "taken back" in page.locator(".notice").inner_text()
    page.goto(f"{served.address}/pictures?verdict=alive")
    page.get_by_role("link", name="Next").click()
    links = versions.newest(served.store).table("links.parquet")
    alive = links["digest"][links["verdict"] == "alive"].nunique()
    assert page.locator(".tile").count() == alive - PICTURES_A_PAGE
    context.close()


def test_a_gallery_of_many_pictures_goes_on_while_it_is_scrolled(first: Version, browser: Any) -> None:
    served = Served(with_many_pictures(first.store))
    page, complaints = opened(browser, f"{served.address}/pictures")
    while page.locator(".tile").count() < MANY:
        before = page.locator(".tile").count()
        page.evaluate("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")  # passes nothing on its way
        page.wait_for_function(f"() => document.querySelectorAll('.tile').length > {before}")
    page.keyboard.press("End")
    page.wait_for_function(IN_VIEW_PAINTED)
    assert page.locator(".pager a[rel=next]").count() == 0
    assert page.evaluate(PAINTED).count(False) > MANY / 10, "what is far away is not fetched"
    assert complaints == []
    page.close()
    served.end()


def with_many_pictures(store: Store) -> Store:
    """The store with one more version, of MANY pictures."""
    version, plain = versions.newest(store), np.zeros((64, 64, 3), dtype=np.uint8)
    digests = []
    for number in range(MANY):
        file = io.BytesIO()
        Image.fromarray(plain + np.uint8(number % 251)).save(file, "JPEG", comment=str(number).encode())
        digests.append(store.blobs.put(file.getvalue()))
    links = version.table("links.parquet")
    many = links[links["verdict"] == "alive"].iloc[np.arange(MANY) % 100].assign(digest=digests)
    files = {
        "links.parquet": parquet(many.reindex(columns=SCHEMA.names), SCHEMA),
        "metrics.json": version.read("metrics.json"),
    }
    run = version.run.model_copy(update={"files": {}}).to_bytes()
    versions.publish(store, "29991231T000000Z", files | {"run.json": run})
    return store


def test_the_review_makes_the_picture_of_the_documentation(served: Served, browser: Any) -> None:
    page, _ = opened(
        browser, f"{served.address}/review", viewport={"width": 960, "height": 620}, device_scale_factor=1.25
    )
    page.keyboard.press("j")
    page.keyboard.press("x")
    take_picture(page, "curating.png")


def test_a_picture_from_an_archive_makes_the_picture_of_its_documentation(served: Served, browser: Any) -> None:
    links = versions.newest(served.store).table("links.parquet")
    archived = links[(links["outcome"] == "archived") & (links["category"] == "tiger") & (links["verdict"] == "alive")]
    viewport = {"width": 960, "height": 840}
    page, _ = opened(
        browser, f"{served.address}/pictures/{archived['digest'].iloc[0]}", viewport=viewport, device_scale_factor=1.25
    )
    assert page.get_by_text("learnt from as a web archive kept it on 2009-08-21").is_visible()
    take_picture(page, "archive.png")


def take_picture(page: Any, name: str) -> None:
    """Make a picture of the documentation of what is in view; the page is closed then."""
    page.wait_for_function(IN_VIEW_PAINTED)
    shot = page.screenshot()
    page.close()
    assert keep_picture(shot, name).width == 1200


def test_the_colours_are_told_apart() -> None:
    """Text has a contrast of 4.5 at least, https://www.w3.org/TR/WCAG22/#contrast-minimum, by day and by night."""
    css = (Path(__file__).parents[2] / "flows" / "web" / "static" / "curator.css").read_text()
    for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for text in ("ink", "soft", "link", "warn", "mark"):
            for ground in ("paper", "raised", "chosen"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def contrast(text: str, ground: str) -> float:
    """The contrast of two colours, 1 to 21."""
    dark, light = sorted((luminance(text), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """A colour's relative luminance, 0 to 1, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
