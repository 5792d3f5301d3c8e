"""Progress counts the work of all processes of a run."""

from regraft.progress import Meter


def test_what_other_processes_have_done_is_added_to_ones_own() -> None:
    meter = Meter()
    meter.expect("fetch", 100)(10)
    meter.merge("tcp://first", "fetch", 1, 50)
    meter.merge("tcp://second", "fetch", 0, 50)
    meter.merge("tcp://first", "fetch", 40, 60)
    assert meter.counts() == {"fetch": (50, 210)}
    meter.merge("tcp://second", "embed", 7, 7)
    assert meter.counts()["embed"] == (7, 7)
    assert set(meter.timings()) == {"fetch", "embed"}
