"""Private addresses are never asked, however they are spelt."""

import socket

import pytest

from regraft.guard import BadUrl, Blocked, Guard, spelt

HOSTILE = """http://127.0.0.1/ http://127.1/ http://2130706433/ http://0x7f.1/ http://0177.0.0.1/ http://10.0.0.1/
http://192.168.1.1/ http://172.16.0.1/ http://169.254.169.254/latest/ http://100.64.0.1/ http://0.0.0.0/ http://[::1]/
http://[::ffff:127.0.0.1]/ http://[fe80::1]/ http://[fd00::1]/ http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/
http://localhost/ http://a.localhost/ http://localhost./ http://printer.local/ http://metadata.google.internal/
http://example.org:22/ http://example.org:6379/ http://224.0.0.1/ http://255.255.255.255/""".split()


@pytest.mark.parametrize("url", HOSTILE)
def test_a_private_address_is_blocked_by_its_text(url: str) -> None:
    with pytest.raises(Blocked):
        Guard().check(spelt(url))


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "htp:/x", "http://", "http://a\nb/", "file:///etc/passwd", "x" * 99]
)
def test_what_is_no_web_address_is_a_bad_url(url: str) -> None:
    with pytest.raises(BadUrl):
        spelt(url)


def test_credentials_are_blocked() -> None:
    with pytest.raises(Blocked):
        spelt("http://user:pw@example.org/")


def test_a_public_name_that_resolves_to_a_private_address_is_blocked_where_it_connects() -> None:
    def rebinding(host: str, port: int, *_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    guard = Guard(resolver=rebinding)
    guard.check("http://rebind.example/")
    with pytest.raises(Blocked):
        guard.connect("rebind.example", 80, 1, ())


def test_an_exemption_is_one_address_and_one_port() -> None:
    guard = Guard(["127.0.0.1:8080"])
    guard.check("http://127.0.0.1:8080/")
    with pytest.raises(Blocked):
        guard.check("http://127.0.0.1:8081/")


def test_urls_become_ascii_without_being_quoted_twice() -> None:
    assert spelt("http://bücher.example/a b/%20ü?q=ä#x") == "http://xn--bcher-kva.example/a%20b/%20%C3%BC?q=%C3%A4"
