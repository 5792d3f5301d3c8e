"""URLs are read as browsers read them: https://github.com/web-platform-tests/wpt/tree/master/url/resources."""

import pytest

from regraft.web.urls import BadUrl, Blocked, normalised, redirected, requested_host_and_port_of

NORMALISED = {
    # dot segments
    "http://a.de/b/../c": "http://a.de/c",
    "http://a.de/../../c": "http://a.de/c",
    "http://a.de/b/./c/.": "http://a.de/b/c/",
    "http://a.de/b/c/..": "http://a.de/b/",
    "http://a.de/..": "http://a.de/",
    "http://a.de/%2e/b/%2E%2e/c/.%2e/d": "http://a.de/d",
    "http://a.de/b//../c": "http://a.de/b/c",
    "http://a.de/b/...": "http://a.de/b/...",
    "http://a.de/.b/c..": "http://a.de/.b/c..",
    "http://a.de/b?x=/../y": "http://a.de/b?x=/../y",
    "http://a.de//b": "http://a.de//b",
    # slashes
    "http:///a.de/b": "http://a.de/b",
    "http:a.de/b": "http://a.de/b",
    "http:/a.de/b": "http://a.de/b",
    "http:////a.de//b": "http://a.de//b",
    "http:\\\\a.de\\b\\..\\c": "http://a.de/c",
    "http://a.de/b\\c?d\\e": "http://a.de/b/c?d%5Ce",
    # hosts
    "HTTP://A.De/B": "http://a.de/B",
    "http://a.de": "http://a.de/",
    "http://a.de?b": "http://a.de/?b",
    "http://a.de?": "http://a.de/?",
    "http://a.de#b": "http://a.de/",
    "http://a.de./b": "http://a.de./b",
    "http://%61.de/": "http://a.de/",
    "http://a_b.de/": "http://a_b.de/",
    "http://-a-.de/": "http://-a-.de/",
    # ports
    "http://a.de:80/": "http://a.de/",
    "https://a.de:443/": "https://a.de/",
    "http://a.de:443/": "http://a.de:443/",
    "http://a.de:/": "http://a.de/",
    "http://a.de:008080/": "http://a.de:8080/",
    "http://a.de:00000000000000080/": "http://a.de/",
    "http://a.de:0000/": "http://a.de:0/",
    # addresses
    "http://3221226219/": "http://192.0.2.235/",
    "http://0xC0.0.02.235/": "http://192.0.2.235/",
    "http://192.0.2.235./": "http://192.0.2.235/",
    "http://[2001:DB8:0:0::1]:81/": "http://[2001:db8::1]:81/",
    # IDNA 2008
    "http://faß.de/": "http://xn--fa-hia.de/",
    "http://FAẞ.de/": "http://xn--fa-hia.de/",
    "http://βόλος.com/": "http://xn--nxasmm1c.com/",
    "http://bücher.de/": "http://xn--bcher-kva.de/",
    "http://b\u0075\u0308cher.de/": "http://xn--bcher-kva.de/",
    "http://BÜCHER。DE/": "http://xn--bcher-kva.de/",
    "http://b%C3%BCcher.de/": "http://xn--bcher-kva.de/",
    "http://www_a.bücher.de/": "http://www_a.xn--bcher-kva.de/",
    "http://نامه\u200cای.com/": "http://xn--mgba3gch31f060k.com/",
    "http://☃.net/": "http://xn--n3h.net/",
    "http://-ü-.de/": "http://xn-----xka.de/",
    "http://a†--/": "http://xn--a---kp0a/",
    "http://-x.ß/": "http://-x.xn--zca/",
    "http://ab--c.ß/": "http://ab--c.xn--zca/",
    "http://1.\u064a./": "http://1.xn--mhb./",
    "http://日本語.jp/写真.jpg": "http://xn--wgv71a119e.jp/%E5%86%99%E7%9C%9F.jpg",
    # escapes
    "http://a.de/ b": "http://a.de/%20b",
    "http://a.de/%20%zz%": "http://a.de/%20%zz%",
    "http://a.de/ü?ü#ü": "http://a.de/%C3%BC?%C3%BC",
    "http://a.de/a;b=c,d+e@f:g&h": "http://a.de/a;b=c,d+e@f:g&h",
    'http://a.de/"<>`{}': "http://a.de/%22%3C%3E%60%7B%7D",
    "http://a.de/?a=b&c=d/e?f": "http://a.de/?a=b&c=d/e?f",
    "http://a.de/#a#b?c": "http://a.de/",
}
BAD = """
http:// http:/// http://? http://# http://:80/ http://a.de:x/ http://a.de:65536/ http://a.de:-1/ http://a.de:８０/
http://a..de/ http://.de/ http://. http://a%00b.de/ http://a%20b.de/ http://a%2Fb.de/ http://a%ff.de/ http://a<b.de/
http://a|b.de/ http://a^b.de/ http://1.2.3.4.5/ http://256.1.1.1/ http://1.2.3.08/ http://a.0x4/ http://[::1 http://[]/
http://::1/ http://[1.2.3.4]/ http://[::1%25eth0]/ http://[::1]x/ http://[g::]/ http://a\u200cb.de/ http://\u202e.de/
http://\u0301a.de/ http://a.de\\@b.de/ http://a％41.de/ http://a／b.de/ ftp://a.de/ //a.de/ a.de/b data:,x javascript:1
http://xn--teša.de/ http://\u064aa.de/ http://\ufffd.de/
""".split()


@pytest.mark.parametrize("url", NORMALISED)
def test_a_url_is_requested_as_a_browser_requests_it(url: str) -> None:
    assert normalised(url) == NORMALISED[url]
    assert normalised(normalised(url)) == NORMALISED[url]


@pytest.mark.parametrize(
    "url", [*BAD, f"http://{'a' * 64}.de/", f"http://{'a.' * 127}de/", "http://a.de/\nb", "http://a b/"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        normalised(url)


@pytest.mark.parametrize(
    "url", ["http://user@a.de/", "http://user:secret@a.de/", "http://@a.de/", "http://a.de@b.de@c.de/"]
)
def test_a_url_with_credentials_is_blocked(url: str) -> None:
    with pytest.raises(Blocked):
        normalised(url)


def test_a_server_is_the_same_however_its_urls_are_written() -> None:
    urls = [
        "http://b\u00fccher.de/x",
        "http://B%C3%9Ccher.DE:80/y",
        "http:\\\\xn--bcher-kva.de\\z",
        "http:///b\u00fccher\u3002de",
    ]
    assert {requested_host_and_port_of(url) for url in urls} == {"xn--bcher-kva.de"}
    assert requested_host_and_port_of("http://user@a.de/") == ""


REDIRECTED = {
    "c.jpg": "http://a.de/b/c.jpg",
    "/c.jpg": "http://a.de/c.jpg",
    "?c": "http://a.de/b/x?c",
    "../c/./d": "http://a.de/c/d",
    "../../..": "http://a.de/",
    "//c.de/d": "http://c.de/d",
    "///c.de/d": "http://c.de/d",
    "/\\c.de/d": "http://c.de/d",
    "\\\\c.de\\d": "http://c.de/d",
    "..\\c": "http://a.de/c",
    "c//d/": "http://a.de/b/c//d/",
    "/c//d/../e": "http://a.de/c//e",
    ";c": "http://a.de/b/;c",
    "?": "http://a.de/b/x?",
    "#c": "http://a.de/b/x",
    "http:": "http://a.de/b/x",
    "./c:d": "http://a.de/b/c:d",
    "1:d": "http://a.de/b/1:d",
    "[c]?[d]": "http://a.de/b/[c]?[d]",
    "c\td": "http://a.de/b/cd",
    "http:c.jpg": "http://a.de/b/c.jpg",
    "http:/c.jpg": "http://a.de/c.jpg",
    "http:///c.de/d": "http://c.de/d",
    "https:c.de/d": "https://c.de/d",
    "HTTPS://C.de:443/d": "https://c.de/d",
    " \t/c.jpg\t ": "http://a.de/c.jpg",
    "/c.jpg#d": "http://a.de/c.jpg",
    "/c d": "http://a.de/c%20d",
    "/caf\xe9.jpg": "http://a.de/caf%E9.jpg",
    "/caf\xc3\xa9.jpg": "http://a.de/caf%C3%A9.jpg",
    "/c?caf\xe9": "http://a.de/c?caf%E9",
    "/%E9\xe9": "http://a.de/%E9%E9",
    "http://b\xc3\xbccher.de/": "http://xn--bcher-kva.de/",
    "/a\x01b\x7fc": "http://a.de/a%01b%7Fc",
    f"/{'c' * 7900}": f"http://a.de/{'c' * 7900}",
}
"""Location headers, read as latin-1, on http://a.de/b/x."""


@pytest.mark.parametrize("location", REDIRECTED)
def test_a_redirect_leads_where_a_browser_goes(location: str) -> None:
    assert redirected("http://a.de/b/x", location) == REDIRECTED[location]


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://a.de//b//x", "c", "http://a.de//b//c"),
        ("http://a.de/web/http://b.de/x", "./c", "http://a.de/web/http://b.de/c"),
        ("http://a.de/b/x;y?c=/d/", "e", "http://a.de/b/e"),
        ("http://a.de/b/x;y?c=/d/", "?e", "http://a.de/b/x;y?e"),
        ("http://a.de/?c", "#e", "http://a.de/?c"),
    ],
)
def test_a_relative_redirect_keeps_all_of_its_urls_folder(url: str, location: str, target: str) -> None:
    assert redirected(url, location) == target


def test_a_redirect_without_a_scheme_keeps_that_of_its_url() -> None:
    assert redirected("https://a.de/b", "//c.de/") == "https://c.de/"
    assert redirected("https://a.de/b", "///c.de/") == "https://c.de/"
    assert redirected("https://a.de/b", "http:c.de") == "http://c.de/"


@pytest.mark.parametrize(
    "location",
    [
        "mailto:a@b.de",
        "data:,x",
        "//",
        "http://b\xfccher.de/",
        "http://[",
        "//a:b",
        "c:\\d",
        "//a\x01.de",
        f"/{'c' * 8000}",
    ],
)
def test_a_redirect_to_no_web_address_is_refused(location: str) -> None:
    with pytest.raises(BadUrl):
        redirected("http://a.de/b/x", location)
