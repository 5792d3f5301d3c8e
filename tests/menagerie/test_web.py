"""The menagerie's web is the same for the same seed, and knows what to serve for every fate."""

from regraft.menagerie.fates import DEAD_FATES, Fate
from regraft.menagerie.pages import OTHER_PAGES, PHOTO_TYPES, REDIRECTS
from regraft.menagerie.web import LICENCE, LINKS_PER_LIST, LISTS, Web


def test_every_fate_has_one_kind_of_answer() -> None:
    kinds = [*PHOTO_TYPES, *REDIRECTS, *OTHER_PAGES]
    assert sorted(kinds) == sorted(Fate)


def test_the_same_seed_draws_the_same_web_and_another_seed_another_one() -> None:
    web = Web(seed=1)
    assert Web(seed=1).fates == web.fates
    assert Web(seed=2).fates != web.fates
    photo = next(url for url, fate in web.fates.items() if fate is Fate.PHOTO)
    assert Web(seed=1).page(photo).body == web.page(photo).body


def test_a_list_has_every_way_to_die_and_one_misfiled_picture() -> None:
    web = Web()
    for animal, urls in web.lists.items():
        fates = [web.fates[url] for url in urls]
        assert len(urls) == LINKS_PER_LIST
        assert set(DEAD_FATES) <= set(fates)
        assert fates.count(Fate.MISFILED) == 1
        lines = web.page(f"{LISTS}{animal}.csv").body.decode().splitlines()
        assert lines == ["url,licence", *(f"{url},{LICENCE}" for url in urls)]


def test_a_flaky_link_fails_every_other_time() -> None:
    web = Web()
    flaky = next(url for url, fate in web.fates.items() if fate is Fate.FLAKY)
    assert [web.page(flaky).status for _ in range(4)] == [503, 200, 503, 200]
