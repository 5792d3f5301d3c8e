"""Who is let in, and who may decide."""

import re

import pytest
from starlette.testclient import TestClient

from regraft.dataset.decisions import all_decisions
from regraft.errors import ConfigError, StoreError
from regraft.flows.web.server import MIN_TOKEN_LENGTH, check_access, serve
from regraft.store.store import Store
from tests.pages.conftest import HOST, browser, csrf

TOKEN = "correct horse battery"


def test_every_page_allows_only_what_this_server_sends(pages: TestClient) -> None:
    for path in ("/", "/links", "/pictures", "/nowhere"):
        policy = pages.get(path).headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy.split("; ")
        assert "unsafe" not in policy
        assert " style=" not in pages.get(path).text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4201", "127.0.0.1.evil.example", "10.0.0.7", "", "[::"])
def test_a_page_that_was_opened_by_another_name_is_refused(pages: TestClient, host: str) -> None:
    answer = pages.get("/", headers={"Host": host})
    assert answer.status_code == 403
    assert "this machine" in answer.text


@pytest.mark.parametrize("host", ["localhost:4201", "127.0.0.1:9999", "[::1]:4201"])
def test_this_machines_own_names_are_answered(pages: TestClient, host: str) -> None:
    assert pages.get("/", headers={"Host": host}).status_code == 200


def test_another_machine_is_refused_where_there_is_no_token(store: Store) -> None:
    with browser(store, "192.0.2.7") as elsewhere:
        answer = elsewhere.get("/")
    assert answer.status_code == 403
    assert "--token" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": HOST + "1"}],
)
def test_a_form_of_another_site_changes_nothing(pages: TestClient, store: Store, headers: dict[str, str]) -> None:
    shown = pages.get("/pictures").text
    item = re.findall(r'name="item" value="([^"]+)"', shown)[0]
    form = {"csrf": csrf(shown), "kind": "reject", "item": item, "back": "/pictures"}
    answer = pages.post("/decisions", data=form, headers=headers)
    assert (answer.status_code, all_decisions(store)) == (403, [])
    assert pages.post("/decisions", data=form, headers={"Origin": HOST}).status_code == 303


@pytest.mark.parametrize("csrf_value", ["", "0" * 64, "\u00e4"])
def test_a_form_that_this_server_has_not_made_changes_nothing(pages: TestClient, store: Store, csrf_value: str) -> None:
    answer = pages.post("/decisions", data={"csrf": csrf_value, "kind": "reject", "item": "x"})
    assert (answer.status_code, all_decisions(store)) == (403, [])
    assert "load the page again" in answer.text


def test_a_form_that_is_too_large_is_refused(pages: TestClient) -> None:
    assert pages.post("/decisions", data={"why": "x" * (5 << 20)}).status_code == 413


def test_with_a_token_a_browser_logs_in_first(store: Store) -> None:
    with browser(store, "192.0.2.7", token=TOKEN, host="0.0.0.0") as elsewhere:
        refused = elsewhere.get("/pictures")
        assert (refused.status_code, refused.headers["Location"]) == (303, "/login")
        assert elsewhere.get("/thumbnails/small/" + "0" * 64 + ".jpg").status_code == 303
        form = {"csrf": csrf(elsewhere.get("/login").text)}
        assert elsewhere.post("/login", data=form | {"token": "wrong"}).status_code == 403
        entered = elsewhere.post("/login", data=form | {"token": TOKEN})
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert elsewhere.get("/pictures").status_code == 200
        elsewhere.post("/logout", data={"csrf": csrf(elsewhere.get("/pictures").text)})
        assert elsewhere.get("/pictures").status_code == 303


def test_who_has_logged_in_has_decided(store: Store) -> None:
    with browser(store, token=TOKEN) as own:
        form = {"csrf": csrf(own.get("/login").text), "token": TOKEN, "name": "Ada <b>"}
        own.post("/login", data=form)
        shown = own.get("/pictures").text
        item = re.findall(r'name="item" value="([^"]+)"', shown)[0]
        own.post("/decisions", data={"csrf": csrf(shown), "kind": "reject", "item": item})
        assert "<b>" not in own.get("/decisions").text
    assert [decision.decided_by for decision in all_decisions(store)] == ["Ada <b>"]


def test_a_form_of_before_the_login_is_none_of_after(store: Store) -> None:
    with browser(store, token=TOKEN) as own:
        form = {"csrf": csrf(own.get("/login").text), "token": TOKEN}
        own.post("/login", data=form)
        assert own.post("/decisions", data=form).status_code == 403


def test_this_machines_name_in_capitals_is_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Adas-Laptop")
    with browser(store, token=TOKEN, host="0.0.0.0") as own:
        assert own.get("/login", headers={"Host": "adas-laptop:4201"}).status_code == 200


def test_a_rebound_name_is_refused_also_with_a_token(store: Store) -> None:
    with browser(store, token=TOKEN, host="0.0.0.0") as own:
        assert own.get("/login", headers={"Host": "evil.example"}).status_code == 403
        assert own.get("/login", headers={"Host": "192.0.2.1:4201"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "token"), [("0.0.0.0", None), ("192.0.2.1", None), ("::", None), ("127.0.0.1", "short")]
)
def test_what_would_be_open_to_all_is_not_served(host: str, token: str | None) -> None:
    with pytest.raises(ConfigError):
        check_access(host, token)


@pytest.mark.parametrize(
    "host",
    ["", "no host", "nowhere.invalid", "127.0.0.1:80", "http://127.0.0.1", "[::1]", "256.1.1.1", "a..b", "a" * 99],
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_what_is_no_address_is_refused_before_anything_else(store: Store, host: str, token: str | None) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"--host {host!r} is no address and no name of this machine (")):
        serve(store, host, 0, token, print)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_refused(store: Store, host: str) -> None:
    with pytest.raises(StoreError, match=f"Port 0 of {host} cannot be used .* choose another with --host"):
        serve(store, host, 0, TOKEN, print)


def test_this_machine_alone_is_served_without_a_token() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        check_access(host, None)
    check_access("0.0.0.0", TOKEN)


def test_a_token_is_as_long_as_cannot_be_guessed() -> None:
    check_access("127.0.0.1", "t" * MIN_TOKEN_LENGTH)
    with pytest.raises(ConfigError, match=f"has {MIN_TOKEN_LENGTH - 1} characters and could be guessed"):
        check_access("127.0.0.1", "t" * (MIN_TOKEN_LENGTH - 1))


def test_a_method_that_a_page_does_not_answer_changes_nothing(pages: TestClient) -> None:
    answer = pages.delete("/decisions")
    assert (answer.status_code, answer.headers["Allow"]) in [(405, "GET"), (405, "POST")]
    assert "/decisions does not answer DELETE; nothing was changed." in answer.text


def test_a_fault_of_this_program_is_one_sentence_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.flows.web.overview.history", lambda *_: 1 / 0)
    with browser(store) as pages:
        client = TestClient(pages.app, HOST, client=("127.0.0.1", 1), raise_server_exceptions=False)
        answer = client.get("/")
    assert answer.status_code == 500
    assert "Regraft has a fault here (ZeroDivisionError)" in answer.text
    assert answer.headers["Content-Security-Policy"] == pages.get("/links").headers["Content-Security-Policy"]
