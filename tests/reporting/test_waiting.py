"""What waits for a person is named, counted, and leads to the page where it is looked at."""

from regraft.reporting import rendering
from regraft.reporting.review import ReviewKind
from regraft.reporting.waiting import waiting
from regraft.store.metrics_record import Leak
from tests.records import metrics_record, run_record
from tests.reporting.reports import links, report

LINKS = links(
    ("http://a.example/1.jpg", "alive", "", "d1"),
    ("http://a.example/2.jpg", "junk", "replaced", "d2"),
    ("http://a.example/3.jpg", "junk", "replaced", "d3"),
)
WAITING = {ReviewKind.REPLACED: 2, ReviewKind.MISFILED: 1}
CONFIG = run_record().config.model_copy(update={"reports_url": "https://regraft.example/tigers/"})
RUN = run_record(config=CONFIG)


def test_each_kind_leads_to_the_page_that_shows_it() -> None:
    rows = {row.what: row for row in waiting(report(LINKS, run=RUN, to_review=WAITING))}
    replaced, in_wrong_list = (
        rows["pictures stand where links showed others"],
        rows["picture is probably in the wrong list"],
    )
    assert (replaced.count, in_wrong_list.count) == (2, 1)
    assert replaced.page == "https://regraft.example/tigers/review?kind=replaced"
    assert in_wrong_list.page == "https://regraft.example/tigers/review?kind=misfiled"


def test_a_leak_alarm_comes_first() -> None:
    alarm = metrics_record(leak=Leak(p=0.001, alarm=True))
    assert waiting(report(LINKS, run=RUN, metrics=alarm))[0].what == "leak alarm"
    assert waiting(report(LINKS, run=RUN, to_review=WAITING))[0].what != "leak alarm"


def test_where_nothing_waits_the_report_says_so() -> None:
    only_photos = LINKS.iloc[:1]
    assert waiting(report(only_photos)) == []
    assert "no picture waits for anybody" in rendering.html(report(only_photos))


def test_the_report_begins_with_what_changed_and_what_waits() -> None:
    before = LINKS.assign(reason="", verdict="alive")
    page = rendering.html(report(LINKS, before, run=run_record(parent="20261125T125324Z"), to_review=WAITING))
    places = [page.index(words) for words in ("What changed", "What needs a person", '<div class="tile">', "<table")]
    assert places == sorted(places)
    assert "<b>2</b> pictures stand where links showed others" in page
    assert 'href="http://127.0.0.1:4201/review?kind=replaced"' in page


def test_whatever_waits_on_the_page_is_counted_in_the_report() -> None:
    rows = waiting(report(LINKS, run=RUN, to_review=dict.fromkeys(ReviewKind, 3)))
    assert [row.page.partition("kind=")[2] for row in rows] == list(ReviewKind)
