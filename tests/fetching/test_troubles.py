"""What a lane hands on of its hosts to whoever fetches it next."""

from regraft.fetching.troubles import Troubles
from regraft.identity import Url
from regraft.links.findings import Finding, Trouble
from tests.fetching.clock import Clock

BUSY = Trouble("busy.example", pause_s=60.0)
SILENT = Trouble("silent.example", failures=6, silent_s=13.0)


def finding(url: str, trouble: Trouble | None) -> Finding:
    return Finding(url=Url(url), final_url=url, trouble=trouble)


def test_the_latest_word_on_each_host_counts_and_grows_old() -> None:
    clock = Clock()
    troubles = Troubles(clock=clock)
    troubles.note(finding("http://busy.example/1", Trouble("busy.example", pause_s=30.0)))
    troubles.note(finding("http://busy.example/2", BUSY))
    troubles.note(finding("https://silent.example/1", SILENT))
    clock.advance(20)
    aged = (Trouble("busy.example", pause_s=40.0), Trouble("silent.example", failures=6, silent_s=33.0))
    assert troubles.now() == aged
    clock.advance(40)
    assert troubles.now() == (Trouble("silent.example", failures=6, silent_s=73.0),)


def test_a_host_that_answers_again_is_no_trouble() -> None:
    troubles = Troubles([BUSY, SILENT], Clock())
    troubles.note(finding("http://other.example/1", None))
    troubles.note(Finding(url=Url("http://list.example/"), outcome="skipped"))
    assert troubles.now() == (BUSY, SILENT)
    troubles.note(finding("http://silent.example/2", None))
    assert troubles.now() == (BUSY,)
