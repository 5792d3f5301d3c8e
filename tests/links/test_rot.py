"""What happened to links between two versions is counted."""

from dataclasses import replace

import pandas as pd

from regraft.links.findings import Finding
from regraft.links.rot import changes, in_two_categories, rot_table, survival
from regraft.store.run_record import Survival
from regraft.verdicts import Reason
from tests.links.checks import GONE, OTHER, PHOTO, RESAVED, memories, reason


def judged(*findings: Finding) -> list[pd.DataFrame]:
    """The links of each version, with their last verdicts."""
    tables = memories(*findings)
    return [table.assign(reason=(why := Reason(reason(table))), verdict=why.verdict) for table in tables]


def events(*findings: Finding) -> list[str]:
    """What happened to the link between the last two checks."""
    *_, before, after = judged(*findings)
    return [event for event, rows in changes(after, before).items() if len(rows)]


def test_each_event_between_two_versions_has_its_name() -> None:
    assert events(PHOTO, PHOTO) == []
    assert events(PHOTO, GONE) == ["newly_dead"]
    assert events(PHOTO, GONE, PHOTO) == ["revived"]
    assert events(PHOTO, OTHER) == ["replaced"]
    assert events(PHOTO, RESAVED) == ["re_encoded"]
    assert events(PHOTO, replace(PHOTO, reason=Reason.PLACEHOLDER)) == ["now_placeholder"]


def test_without_a_version_before_nothing_happened() -> None:
    [links] = judged(PHOTO)
    assert {event: len(rows) for event, rows in changes(links, None).items()} == dict.fromkeys(changes(links, None), 0)


def test_the_link_rot_table_counts_what_happened() -> None:
    before, after = judged(PHOTO, OTHER)
    assert len(changes(after, before)["replaced"]) == 1
    now, then = (links.assign(url="http://h/u") for links in (after, before))
    [row] = rot_table(now, changes(now, then)).to_dict("records")
    assert (row["host"], row["reason"], row["links"], row["replaced"], row["newly_dead"]) == ("h", "replaced", 1, 1, 0)


def test_what_ever_showed_a_photo_and_does_so_no_more_has_not_survived() -> None:
    for findings, alive in (((PHOTO, OTHER), 0), ((PHOTO, GONE), 0), ((PHOTO, RESAVED), 1)):
        memory, links = memories(*findings)[-1], judged(*findings)[-1]
        assert survival(memory, links) == {"cat": Survival(ever_alive=1, alive=alive, share=float(alive))}
    assert survival(memories(GONE)[-1], judged(GONE)[-1])["cat"].share is None


def test_a_picture_in_two_categories_is_reported() -> None:
    rows = [("d", "cat", "u1", "duplicate"), ("d", "tiger", "u2", "duplicate"), ("e", "cat", "u3", "duplicate")]
    twice = in_two_categories(pd.DataFrame(rows, columns=["digest", "category", "url", "reason"]))
    assert twice["url"].tolist() == ["u1", "u2"]
