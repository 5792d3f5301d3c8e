"""Prefect's automations hear of a category that will run out, by an event on a real server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regraft.reporting.report import Report, forecasts
from regraft.store.run_record import LinkCount, RunRecord, Survival
from tests.processes import until
from tests.records import run_record
from tests.reporting.reports import links, report

pytestmark = pytest.mark.usefixtures("prefect_server")
START = datetime(2026, 1, 1, tzinfo=UTC)
ALIVE = 120
"""Links of each category that are alive now."""


def survival(lost_a_day: int) -> Survival:
    """A category that has lost so many links a day in ten days."""
    counts = [
        LinkCount(at=START + timedelta(days=day), ever_alive=300, alive=ALIVE + lost_a_day * (9 - day), revived=0)
        for day in range(10)
    ]
    return Survival(ever_alive=300, alive=ALIVE, share=0.4, counts=tuple(counts))


def run_of(**categories: Survival) -> RunRecord:
    counts = run_record().counts.model_copy(update={"images": dict.fromkeys(categories, ALIVE)})
    return run_record(survival=categories, counts=counts)


def endangered(shown: Report) -> list[dict[str, Any]]:
    """The events that the server has of a report's version once it has all of that version."""
    from prefect.client.orchestration import get_client

    wanted = {"filter": {"event": {"prefix": ["regraft."]}}}

    def events() -> list[Any]:
        with get_client(sync_client=True) as client:
            answer = client.request("POST", "/events/filter", json=wanted)
        return [event for event in answer.json()["events"] if event["resource"].get("regraft.version") == shown.version]

    until("the version's last event is there", lambda: len(events()) > 1 + shown.metrics.promoted, 60)
    return [event["payload"] for event in events() if event["event"] == "regraft.category.endangered"]


def test_a_category_that_will_run_out_is_named_once_and_one_that_lasts_is_not() -> None:
    from regraft.tasks.dashboard.events import emit_events

    run = run_of(cat=survival(12), tiger=survival(0))
    shown = report(
        links(("http://a.example/1.jpg", "alive", "", "d1")),
        run=run,
        forecasts=forecasts(run),
        newly_endangered=["cat"],
    )
    emit_events(shown)
    [payload] = endangered(shown)
    assert payload == {"category": "cat", "alive": ALIVE, "days_left": shown.forecasts["cat"].days_left}
    assert 0 < payload["days_left"] < 60
