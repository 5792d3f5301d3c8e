"""Private addresses are never asked, however they are written; every good URL passes."""

import socket
import string
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.web.answers import Failed
from regraft.web.client import Client
from regraft.web.guard import Guard, is_public
from regraft.web.urls import BadUrl, Blocked, ip_address_of, normalised
from tests.hostile import ok, serving

PORT = "{port}"
HOSTILE = """
http://127.0.0.1:{port}/ http://127.1:{port}/ http://127.0.1:{port}/ http://2130706433:{port}/ http://0x7f.1:{port}/
http://0x7f000001:{port}/ http://0177.0.0.1:{port}/ http://017700000001:{port}/ http://127.0.0.1.:{port}/
http://127.000.000.001:{port}/ http://0:{port}/ http://0.0.0.0:{port}/ http://127.127.127.127:{port}/
http://localhost:{port}/ http://LOCALHOST:{port}/ http://localhost.:{port}/ http://a.localhost:{port}/
http://[::1]:{port}/ http://[::]:{port}/ http://[0:0:0:0:0:0:0:1]:{port}/ http://[::ffff:127.0.0.1]:{port}/
http://[::ffff:7f00:1]:{port}/ http://[::127.0.0.1]:{port}/ http://[64:ff9b::7f00:1]:{port}/
http://[64:ff9b::127.0.0.1]:{port}/ http://[64:ff9b:1::1]:{port}/ http://[2002:7f00:1::]:{port}/
http://[2001:0:7f00:1::]:{port}/ http://[fe80::1]:{port}/ http://[fe80::1%25eth0]:{port}/ http://[fc00::1]:{port}/
http://[fd00:ec2::254]/ http://[fec0::1]/ http://[ff02::1]/ http://[100::1]/ http://[2001:db8::1]/ http://[3fff::1]/
http://10.0.0.1/ http://10.255.255.255/ http://172.16.0.1/ http://172.31.255.254/ http://192.168.0.1/
http://192.168.1.1:8080/ http://169.254.169.254/latest/meta-data/ http://169.254.1.1/ http://2852039166/
http://0xa9fea9fe/ http://0251.0376.0251.0376/ http://[::ffff:169.254.169.254]/ http://[::ffff:a9fe:a9fe]/
http://100.64.0.1/ http://100.100.100.200/latest/ http://168.63.129.16/ http://192.0.0.1/ http://192.0.2.1/
http://192.88.99.1/ http://198.18.0.1/ http://198.51.100.7/ http://203.0.113.9/ http://224.0.0.1/ http://239.1.1.1/
http://240.0.0.1/ http://255.255.255.255/ http://metadata.google.internal/ http://printer.local/ http://nas.lan/
http://router.home/ http://wiki.corp/ http://box.home.arpa/ http://db.intranet/ http://a.internal/
http://example.org:22/ http://example.org:25/ http://example.org:6379/ http://example.org:3306/ http://example.org:5432/
http://example.org:11211/ http://example.org:9200/ http://example.org:2375/ http://example.org:0/
http://user:password@127.0.0.1:{port}/ http://example.org@127.0.0.1:{port}/ http://127.0.0.1:{port}@example.org/
http://example.org%00.127.0.0.1:{port}/ http://127.0.0.1:{port}\\@example.org/ http://example.org\\@127.0.0.1:{port}/
http:///127.0.0.1:{port}/ http:127.0.0.1:{port} //127.0.0.1:{port}/ file:///etc/passwd ftp://127.0.0.1:{port}/
gopher://127.0.0.1:{port}/_x dict://127.0.0.1:{port}/ data:image/png;base64,AAAA javascript:alert(1)
http://１２７.0.0.1:{port}/ http://①②⑦.⓪.⓪.①:{port}/ http://loc\u00adalhost:{port}/
http://loc%61lhost:{port}/ http://%31%32%37.0.0.1:{port}/ http://127%2e0.0.1:{port}/ http://0177.0.0.1.:{port}/
http:\\\\127.0.0.1:{port}\\ http:/\\127.0.0.1:{port}/ http:////127.0.0.1:{port}/ http:/127.0.0.1:{port}/ http://0x7f.0x1:{port}/
http://127\u30020\u30020\u30021:{port}/ http://[::FFFF:7F00:1]:{port}/ http://localhost%2e:{port}/ http://ⓛocalhost:{port}/
""".split()
NO_URL = ["http://example.org/\r\nHost: x", "http://exa\tmple.org/", "http://example.org\0/", "", "x" * 99, "http://["]
GOOD = """http://example.org/ https://example.org/ http://EXAMPLE.org:80/a%20b?x=1&y=ä#f http://bücher.example/
http://1.1.1.1/ http://8.8.8.8:8080/x.jpg http://[2606:4700::1111]/ http://a.b-c.example./x http://172.32.0.1/
http://192.169.0.1/ http://100.128.0.1/ http://localhost.example.org/ http://127.0.0.1.example.org/
http://static.flickr.com/123/4567_abc.jpg http://example.org/@user:pass/127.0.0.1 http://xn--bcher-kva.example/""".split()


@pytest.mark.server
@pytest.mark.parametrize("template", HOSTILE + NO_URL)
def test_a_hostile_url_is_refused_and_the_secret_not_reached(template: str) -> None:
    with serving(lambda talk: talk.say(ok(b"secret"))) as secret:
        url = template.replace(PORT, str(secret.port))
        _, answer = Client().follow(url, 2)
        assert isinstance(answer, Failed)
        assert answer.reason in ("blocked", "bad_url")
        assert secret.request_lines == []


@pytest.mark.server
@pytest.mark.parametrize("template", [url for url in HOSTILE if url.startswith("http://") and "///" not in url])
def test_a_redirect_to_a_hostile_url_is_refused(template: str) -> None:
    with serving(lambda talk: talk.say(ok(b"secret"))) as secret:
        target = template.replace(PORT, str(secret.port)).encode("utf-8")
        answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n" % target
        with serving(lambda talk: talk.say(answer)) as door:
            _, outcome = Client(Guard([door.exemption])).follow(door.url, 2)
        assert isinstance(outcome, Failed)
        assert outcome.reason in ("blocked", "bad_url")
        assert secret.request_lines == []


@pytest.mark.server
@pytest.mark.parametrize(
    "location", ["//127.0.0.1:{port}/", "///127.0.0.1:{port}/", r"\\127.0.0.1:{port}/", r"/\127.1:{port}/"]
)
def test_a_redirect_without_a_scheme_to_a_private_address_is_refused(location: str) -> None:
    with serving(lambda talk: talk.say(ok(b"secret"))) as secret:
        target = location.replace(PORT, str(secret.port)).encode()
        answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n" % target
        with serving(lambda talk: talk.say(answer)) as door:
            _, outcome = Client(Guard([door.exemption])).follow(door.url, 2)
        assert isinstance(outcome, Failed)
        assert outcome.reason == "blocked"
        assert secret.request_lines == []


@pytest.mark.parametrize("url", GOOD)
def test_a_good_url_passes(url: str) -> None:
    Guard().check(normalised(url))


def answering(*addresses: str) -> Callable[..., list[tuple[object, ...]]]:
    """A resolver that gives these addresses, in turn."""
    turn = iter(addresses)

    def resolve(host: str, port: int, *_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(turn), port))]

    return resolve


def test_a_public_name_that_resolves_to_a_private_address_is_blocked_where_it_connects() -> None:
    guard = Guard(resolver=answering("127.0.0.1"))
    guard.check("http://rebind.example/")
    with pytest.raises(Blocked):
        guard.connect("rebind.example", 80, 1, ())


@pytest.mark.server
def test_a_name_that_rebinds_between_check_and_connect_reaches_nothing() -> None:
    with serving(lambda talk: talk.say(ok(b"secret"))) as secret:
        client = Client(Guard(resolver=answering(*["127.0.0.1"] * 9)))
        answer = client.get(f"http://rebind.example:{secret.port}/", 2)
        assert isinstance(answer, Failed)
        assert answer.reason == "blocked"
        assert secret.request_lines == []


def test_one_private_address_among_public_ones_is_enough() -> None:
    def resolve(host: str, port: int, *_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("93.184.216.34", "10.0.0.1")]

    with pytest.raises(Blocked):
        Guard(resolver=resolve).connect("mixed.example", 80, 1, ())


def test_an_exemption_is_one_address_and_one_port() -> None:
    guard = Guard(["127.0.0.1:8080"])
    guard.check("http://127.0.0.1:8080/")
    for other in ("http://127.0.0.1:8081/", "http://127.0.0.2:8080/", "http://[::1]:8080/"):
        with pytest.raises(Blocked):
            guard.check(other)


def test_urls_become_ascii_without_being_quoted_twice() -> None:
    assert normalised("http://bücher.example/a b/%20ü?q=ä#x") == "http://xn--bcher-kva.example/a%20b/%20%C3%BC?q=%C3%A4"


@given(st.text(max_size=200) | st.builds("http://{}".format, st.text(max_size=200)))
def test_any_text_is_normalised_or_refused(text: str) -> None:
    try:
        url = normalised(text)
    except (BadUrl, Blocked):
        return
    assert url.isascii()
    assert url.startswith(("http://", "https://"))
    assert not any(c.isspace() for c in url)
    assert normalised(url) == url, "normalising once is enough"


@given(
    st.text("ab0/.%2eE?~-:@[]&=", max_size=12),
    st.sampled_from(["a.example", "a.example:8080", "a.example:80", "1.2.3.4"]),
)
def test_a_plain_url_becomes_what_it_would_if_nothing_about_it_were_plain(rest: str, authority: str) -> None:
    plain, shouted = f"http://{authority}/{rest}", f"HTTP://{authority}/{rest}"
    assert normalised(plain) == normalised(shouted)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_an_address_is_blocked_by_its_text_exactly_if_it_is_private(address: object) -> None:
    text = f"[{address}]" if ":" in str(address) else str(address)
    try:
        Guard().check(f"http://{text}/")
        passed = True
    except Blocked:
        passed = False
    assert passed == is_public(str(address))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{:d}", "0x{:x}", "0{:o}", "0x{:08X}"]))
def test_an_address_is_known_in_every_notation(number: int, notation: str) -> None:
    assert ip_address_of(notation.format(number)) == socket.inet_ntoa(number.to_bytes(4, "big"))


@given(st.text(string.ascii_lowercase + string.digits + "-._~/?=&%", max_size=60))
def test_paths_survive_normalising(path: str) -> None:
    parts = urlsplit(normalised(f"http://example.org/{path}"))
    assert parts.netloc == "example.org"
