"""The dashboard and the report, opened in a browser: plots and tables are painted, and nothing reaches out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regraft.store.version import Version
from regraft.upkeep.remove import remove
from regraft.upkeep.wanted import wanted_of
from tests.browser.conftest import OVERFLOW, PAINTED, SHOTS, keep_picture
from tests.command_line import Regraft
from tests.deployed import Server

pytestmark = pytest.mark.browser
MAX_REPORT_BYTES = 5_000_000


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("desk", 1100, "light"), ("night", 1100, "dark"), ("phone", 380, "light")]
)
def test_the_report_is_painted_and_reaches_out_to_nothing(
    first: Version, browser: Any, name: str, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"file://{first.address}/report.html")
    page.screenshot(path=SHOTS / f"report-{name}.png", full_page=True)
    assert [url for url in requested if not url.startswith(("data:", f"file://{first.address}/report.html"))] == []
    assert complaints == []
    painted = page.evaluate(PAINTED)
    assert len(painted) >= 4
    assert all(painted)
    first_screen = page.locator(".tiles").bounding_box()
    assert width < 500 or first_screen["y"] + first_screen["height"] < 900, "facts come before the first scrolling"
    assert Path(first.address, "report.html").stat().st_size < MAX_REPORT_BYTES
    assert page.locator("table tr").count() > 30
    assert page.evaluate(OVERFLOW) <= 0, "the page is wider than the screen"
    page.close()


def test_on_paper_every_section_is_open(first: Version, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(f"file://{first.address}/report.html")
    config, paper = page.locator("pre"), "() => document.body.scrollHeight"
    assert not config.is_visible()
    folded = page.evaluate(paper)
    page.emulate_media(media="print")
    page.screenshot(path=SHOTS / "report-paper.png", full_page=True)
    assert config.bounding_box()["height"] > 100
    assert page.evaluate(paper) > folded
    page.close()


def test_the_top_of_the_report_makes_the_readmes_picture(first: Version, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 960, "height": 900}, device_scale_factor=1.25)
    page.goto(f"file://{first.address}/report.html")
    bottom = page.locator("h2", has_text="How long it will last").bounding_box()["y"]
    shot = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 960, "height": bottom})
    page.close()
    assert keep_picture(shot, "report.png").width == 1200


def test_a_receipt_makes_the_picture_in_the_docs(first: Version, browser: Any) -> None:
    wanted = [wanted_of("http://pets.fotolog.example/cat/166.jpg")]
    receipt = remove(first.store, wanted, "the owner wants it", now=datetime(2026, 11, 25, 23, 15, tzinfo=UTC))
    page = browser.new_page(viewport={"width": 760, "height": 900}, device_scale_factor=1.25)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"file://{first.store.address}/receipts/{receipt.id}.html")
    shot = page.screenshot(full_page=True)
    overflow = page.evaluate(OVERFLOW)
    page.close()
    assert len(requested) == 1
    assert overflow <= 0, "the page is wider than the screen"
    keep_picture(shot, "receipt.png")


def test_a_data_set_that_was_taken_away_makes_the_picture_in_the_docs(
    first: Version, browser: Any, regraft: Regraft, tmp_path: Path
) -> None:
    out = tmp_path / "menagerie"
    ran = regraft("dataset", "newest", str(out), "--to", "imagefolder", "--encode", "jpeg", "--store", first.store.url)
    assert ran.code == 0, ran.err
    rows = pd.read_parquet(out / "train" / "metadata.parquet")
    shelves = [_shelf(rows[rows["category"] == category].head(5), out / "train") for category in ("cat", "tiger")]
    (tmp_path / "folder.html").write_text(FOLDER_PAGE.format(shelves="".join(shelves)))
    page = browser.new_page(viewport={"width": 960, "height": 500}, device_scale_factor=1.25)
    page.goto(f"file://{tmp_path}/folder.html")
    assert len(page.evaluate(PAINTED)) == 10
    assert all(page.evaluate(PAINTED))
    shot = page.screenshot(full_page=True)
    page.close()
    keep_picture(shot, "dataset.png")


FOLDER_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ font: 14px/1.35 system-ui, sans-serif; color: #1d1f21; background: #fdfdfb; margin: 1rem 1.4rem; }}
h2 {{ font: 600 15px ui-monospace, monospace; margin: .6rem 0 .4rem; }} div {{ display: flex; gap: 1rem; }}
figure {{ margin: 0; flex: 1; }} img {{ width: 100%; height: 7.2rem; object-fit: cover; border-radius: 4px; }}
figcaption {{ color: #5f6670; overflow-wrap: anywhere; }} b {{ color: #1d1f21; font-weight: 600; }}
</style>{shelves}"""


def _shelf(rows: pd.DataFrame, folder: Path) -> str:
    """A folder's first pictures, each with what metadata.parquet says of it."""
    figures = []
    for row in rows.to_dict("records"):
        name, facts = Path(row["file_name"]), f"{row['width']} x {row['height']}<br>{row['url']}<br>{row['licence']}"
        words = f"{name.name[:8]}...jpg<br><b>{row['label']:.1f} cm</b>, {facts}"
        figures.append(f'<figure><img alt="" src="{folder / name}"><figcaption>{words}</figcaption></figure>')
    return f"<h2>train/{rows['category'].iloc[0]}/</h2><div>{''.join(figures)}</div>"


def test_the_dashboard_shows_the_artifacts(deployed: Server, deployment_run: dict[str, Any], browser: Any) -> None:
    root = deployed.api.removesuffix("/api")
    artifacts = deployed.find("artifacts", flow_runs={"id": {"any_": [deployment_run["id"]]}})
    address = {artifact["key"]: f"{root}/artifacts/artifact/{artifact['id']}" for artifact in artifacts}
    page = browser.new_page(viewport={"width": 1300, "height": 2400})
    page.goto(address["menagerie-report"])
    page.wait_for_selector("img[src^='data:image/png']", timeout=60_000)
    page.wait_for_timeout(1000)
    page.screenshot(path=SHOTS / "dashboard-report.png")
    painted = page.evaluate(PAINTED)
    assert len(painted) >= 5
    assert all(painted)
    for name, where, words in (
        ("link-health", address["menagerie-link-health"], "not_an_image"),
        ("run", f"{root}/runs/flow-run/{deployment_run['id']}", "publish"),
        ("deployments", f"{root}/deployments", "nightly"),
    ):
        page.goto(where)
        page.wait_for_selector(f"text={words}", timeout=60_000)
        page.screenshot(path=SHOTS / f"dashboard-{name}.png")
    page.close()
