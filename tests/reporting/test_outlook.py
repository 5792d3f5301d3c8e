"""When a category will have too few links for a run: what an archive has kept stays, and it is news but once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from regraft.links.forecast import ENDANGERED_DAYS
from regraft.reporting.report import forecast_of, forecasts, newly_endangered
from regraft.store.run_record import LinkCount, RunRecord, Survival
from tests.records import run_record

START = datetime(2026, 1, 1, tzinfo=UTC)
MIN_IMAGES = run_record().config.split.min_images


def run_of(alive: int, lost_a_day: int, archived: int = 0, days: int = 10) -> RunRecord:
    """A run on a category of so many living links, each an image, and so many that a web archive has kept."""
    counts = [
        LinkCount(at=START + timedelta(days=d), ever_alive=900, alive=alive + lost_a_day * (days - 1 - d), revived=0)
        for d in range(days)
    ]
    counted = run_record().counts.model_copy(
        update={"images": {"cat": alive + archived}, "archived": {"cat": archived}}
    )
    survival = Survival(ever_alive=900, alive=alive, share=None, counts=tuple(counts))
    return run_record(counts=counted, survival={"cat": survival})


@pytest.mark.parametrize(
    ("alive", "archived", "is_endangered"),
    [(120, 0, True), (120, MIN_IMAGES, False), (0, MIN_IMAGES, False), (120, 5, True)],
)
def test_pictures_of_an_archive_count_for_what_a_run_needs(alive: int, archived: int, is_endangered: bool) -> None:
    expected = forecast_of("cat", run_of(alive, lost_a_day=12, archived=archived))
    assert expected is not None
    assert expected.is_endangered is is_endangered


def test_a_category_is_news_when_it_becomes_endangered_and_not_again() -> None:
    well, ill, worse = run_of(400, 0), run_of(120, 12), run_of(108, 12)
    assert newly_endangered(forecasts(ill), well) == ["cat"]
    assert newly_endangered(forecasts(ill), None) == ["cat"], "nothing is known of before"
    assert newly_endangered(forecasts(ill), run_of(120, 12, days=2)) == ["cat"], "too little was known before"
    assert newly_endangered(forecasts(worse), ill) == []
    assert newly_endangered(forecasts(well), ill) == []


def test_under_sixty_days_is_less_than_sixty() -> None:
    expected = forecast_of("cat", run_of(120, 12))
    assert expected is not None
    assert replace(expected, days_left=ENDANGERED_DAYS - 1).is_endangered
    assert not replace(expected, days_left=ENDANGERED_DAYS).is_endangered
