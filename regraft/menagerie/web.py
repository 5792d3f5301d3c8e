"""The small web behind the menagerie's lists: what each link serves, drawn by seed, rot of every kind included."""

import random
from collections.abc import Mapping
from functools import lru_cache

from regraft.menagerie import drawing, odd_pictures
from regraft.menagerie.archive import TIMEGATE, Archive
from regraft.menagerie.fates import ALIVE_FATES, DEAD_FATES, ONCE_ALIVE_FATES, Fate
from regraft.menagerie.pages import OTHER_PAGES, PHOTO_TYPES, REDIRECTS, SORRY, WELCOME, Page

HOSTS = ("photos.savanna.example", "pets.fotolog.example", "img.zoo-club.example", "members.oldhost.example")
"""RFC 2606 names, which exist only behind the menagerie's own proxy."""
LISTS = "http://lists.savanna.example/"
"""Where the lists themselves are served, `tiger.csv` and `cat.csv`."""
LICENCE = "CC0-1.0"
"""Of the drawn animals, as the lists name it."""
ANIMALS = ("tiger", "cat")
LINKS_PER_LIST = 170
MAX_BYTES = 2_000_000
"""The cap that the menagerie's config sets, so that its too large bodies stay small."""
RESAVED_QUALITY, QUALITY = 70, 88
"""JPEG quality of a picture that was saved again, and of all others."""


class Web:
    """The fates of all links, fixed by a seed."""

    def __init__(self, seed: int = 0):
        self.seed = seed
        self.fates: dict[str, Fate] = {}
        """What becomes of each link, by URL."""
        self.lists: dict[str, list[str]] = {animal: self._list(animal) for animal in ANIMALS}
        """The URLs of each animal's list."""
        once_alive = [url for url, fate in self.fates.items() if fate in ONCE_ALIVE_FATES]
        self.archive = Archive(once_alive, seed, self.bytes_of)
        self._requests: dict[str, int] = {}

    def page(self, url: str, accept_datetime: str = "") -> Page:
        """Return what a URL serves now; a flaky one fails the first time and every other time.

        `accept_datetime` is the request's field of that name, which only the archive reads.
        """
        if url.startswith(TIMEGATE):
            return self.archive.page(url.removeprefix(TIMEGATE), accept_datetime)
        if url.startswith(LISTS):
            return self._list_page(url.removeprefix(LISTS).removesuffix(".csv"))
        if url.endswith("/gone.png"):
            return Page(body=odd_pictures.unavailable_png(), content_type="image/png")
        if url.endswith("/elsewhere"):
            return self._photo(url.removesuffix("/elsewhere"), "image/jpeg", {})
        if url in self.fates:
            return self._page_of(self.fates[url], url)
        is_home = url.count("/") == 3 and url.endswith("/")
        return Page(body=WELCOME) if is_home else Page(status=404, body=SORRY)

    def bytes_of(self, url: str) -> bytes:
        """Return the picture that a link shows, or showed while it was alive."""
        fate = self.fates[url]
        animal, number = url.rsplit("/", 2)[-2:]
        number = number.removesuffix(".jpg")
        if fate is Fate.MISFILED:
            [animal] = set(ANIMALS) - {animal}
            number = f"misfiled/{number}"
        if fate in (Fate.TWIN, Fate.RESAVED):
            number = f"{int(number) - 1:03d}"
        quality = RESAVED_QUALITY if fate is Fate.RESAVED else QUALITY
        return _jpeg(animal, f"{self.seed}/{number}", quality)

    def _list(self, animal: str) -> list[str]:
        """The URLs of a list, whose fates are drawn and remembered."""
        dice = random.Random(f"{self.seed}/{animal}/fates")
        fates = [*ALIVE_FATES, *DEAD_FATES]
        weights = [fate.weight for fate in fates]
        drawn = [*DEAD_FATES, *dice.choices(fates, weights, k=LINKS_PER_LIST - len(DEAD_FATES))]
        dice.shuffle(drawn)
        urls: list[str] = []
        for number, fate in enumerate(drawn):
            if fate in (Fate.TWIN, Fate.RESAVED) and (number == 0 or self.fates[urls[-1]] is not Fate.PHOTO):
                fate = Fate.PHOTO
            url = _url(dice.choice(HOSTS), animal, number, fate)
            self.fates[url] = fate
            urls.append(url)
        self.fates[next(url for url in urls if self.fates[url] is Fate.PHOTO)] = Fate.MISFILED
        return urls

    def _list_page(self, animal: str) -> Page:
        if animal not in self.lists:
            return Page(status=404)
        lines = ["url,licence", *(f"{url},{LICENCE}" for url in self.lists[animal])]
        return Page(body="\n".join(lines).encode(), content_type="text/csv")

    def _photo(self, url: str, content_type: str, headers: Mapping[str, str]) -> Page:
        return Page(body=self.bytes_of(url), content_type=content_type, headers=headers, is_photo=True)

    def _is_failing(self, url: str) -> bool:
        """Whether this request of a flaky link fails: the first one, and every other one."""
        self._requests[url] = self._requests.get(url, 0) + 1
        return self._requests[url] % 2 == 1

    def _page_of(self, fate: Fate, url: str) -> Page:
        if fate is Fate.FLAKY and self._is_failing(url):
            return Page(status=503, headers={"Retry-After": "0"})
        if fate in PHOTO_TYPES:
            headers = {"X-Robots-Tag": "noai"} if fate is Fate.OPTED_OUT else {}
            return self._photo(url, PHOTO_TYPES[fate], headers)
        if fate in REDIRECTS:
            status, target = REDIRECTS[fate]
            return Page(status=status, headers={"Location": target.format(url=url, host=url.split("/")[2])})
        return OTHER_PAGES[fate]()


def _url(host: str, animal: str, number: int, fate: Fate) -> str:
    match fate:
        case Fate.BAD_URL:
            return f"htp:/{host}/{animal}/{number:03d}.jpg"
        case Fate.PRIVATE:
            return f"http://127.0.0.1:1/{animal}/{number:03d}.jpg"
        case Fate.TLS:
            return f"https://{host}/{animal}/{number:03d}.jpg"
        case _:
            return f"http://{host}/{animal}/{number:03d}.jpg"


@lru_cache(512)
def _jpeg(animal: str, seed: str, quality: int) -> bytes:
    return drawing.jpeg(animal, seed, quality)
