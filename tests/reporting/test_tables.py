"""The tables of a report."""

import pandas as pd

from regraft.reporting.tables import by_host, funnel, link_health, score_rows, split_sizes
from tests.records import metrics_record
from tests.reporting.reports import links, manifest_of

LINKS = links(
    ("http://a.example/1.jpg", "alive", "", "d1"),
    ("http://a.example/2.jpg", "alive", "", "d2"),
    ("http://a.example/3.jpg", "dead", "gone", ""),
    ("http://b.example/1.jpg", "junk", "truncated", "d3"),
    ("http://b.example/2.jpg", "dead", "gone", ""),
    ("http://b.example/3.jpg", "dead", "gone", ""),
    ("http://c.example/1.jpg", "alive", "", "d4"),
)


def test_reasons_are_counted_by_category_the_most_frequent_first() -> None:
    table = pd.concat([LINKS, LINKS.head(3).assign(category="tiger")])
    rows = [row.as_row() for row in link_health(table)]
    assert rows == [
        {"verdict": "alive", "reason": "alive", "cat": 3, "tiger": 2, "links": 5},
        {"verdict": "dead", "reason": "gone", "cat": 3, "tiger": 1, "links": 4},
        {"verdict": "junk", "reason": "truncated", "cat": 1, "tiger": 0, "links": 1},
    ]


def test_hosts_with_the_most_links_come_first_each_with_what_its_links_are_mostly_lost_as() -> None:
    hosts = by_host(LINKS)
    assert [(host.host, host.links, host.alive, host.main_reason) for host in hosts] == [
        ("a.example", 3, 2, "gone"),
        ("b.example", 3, 0, "gone"),
        ("c.example", 1, 1, ""),
    ]
    assert hosts[0].share == 2 / 3


def test_lines_that_are_no_url_have_a_row_that_says_so() -> None:
    [row] = by_host(links(("htp:/a.example/1.jpg", "dead", "bad_url", ""), ("//", "dead", "bad_url", "")))
    assert (row.host, row.links, row.main_reason) == ("(no URL)", 2, "bad_url")


def test_the_funnel_goes_from_links_to_training_images() -> None:
    assert [stage.count for stage in funnel(LINKS, manifest_of(LINKS))] == [7, 4, 3, 3, 2]


def test_images_are_counted_by_category_and_split() -> None:
    assert split_sizes(manifest_of(LINKS)) == {"cat": {"test": 1, "train": 2}}


def test_results_are_rows_of_figures_with_their_intervals() -> None:
    whole, cat, tiger = score_rows(metrics_record("length").test)
    assert (whole.name, whole.n, [score.figure for score in whole.scores]) == ("all", 39, ["20.99", "14.43", "-5.75"])
    assert (cat.name, tiger.name) == ("cat", "tiger")
    assert cat.scores[0].interval is not None
    assert round(cat.scores[0].interval.low, 2) == 6.67


def test_a_measure_that_the_whole_test_split_lacks_is_an_empty_figure() -> None:
    whole, cat, _ = score_rows(metrics_record("category").test)
    accuracy, precision, _rmse = whole.scores
    assert (precision.figure, precision.interval) == ("", None)
    assert accuracy.interval is not None
    assert cat.scores[1].figure != ""
