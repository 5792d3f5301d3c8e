"""A bucket may not be there in many ways; each is one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from regraft.errors import StoreError
from regraft.store.store import Store
from tests.buckets import CREDENTIALS
from tests.hostile import serving


@contextmanager
def answering(status: int, code: str) -> Iterator[str]:
    """A bucket that answers everything with one error; yields its endpoint."""

    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with serving(lambda talk: talk.say(head + body)) as server:
        yield server.url.rstrip("/")


def failure(monkeypatch: pytest.MonkeyPatch, endpoint: str, **environment: str | None) -> str:
    """The sentence with which a store at an endpoint is refused."""
    for name, value in ({**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint} | environment).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # which remembers the endpoint
    with pytest.raises(StoreError) as error:
        Store(f"s3://nowhere-{endpoint.rpartition(':')[2]}/store")
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 3
    return str(error.value)


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "NoSuchBucket", "there is no such bucket"),
        (403, "AccessDenied", "refuses these credentials (AccessDenied)"),
        (403, "InvalidAccessKeyId", "refuses these credentials (InvalidAccessKeyId)"),
        (403, "SignatureDoesNotMatch", "refuses these credentials (SignatureDoesNotMatch)"),
        (400, "ExpiredToken", "refuses these credentials (ExpiredToken)"),
        (501, "NotImplemented", "cannot be used (NotImplemented: no)."),
    ],
)
def test_a_bucket_that_refuses_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, sentence: str
) -> None:
    with answering(status, code) as endpoint:
        assert sentence in failure(monkeypatch, endpoint)


def test_an_endpoint_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "does not answer" in failure(monkeypatch, "http://127.0.0.1:9")


def test_missing_credentials_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}
    assert "without credentials" in failure(monkeypatch, "http://127.0.0.1:10", **none)


def test_a_bucket_that_asks_for_fewer_requests_is_named_after_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with answering(503, "SlowDown") as endpoint:
        assert "asks for fewer requests (SlowDown)" in failure(monkeypatch, endpoint)


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "InternalError"), (500, ""), (502, "BadGateway"), (503, "ServiceUnavailable"), (504, ""), (520, "")],
)
def test_a_bucket_with_trouble_of_its_own_is_named_after_some_tries(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with answering(status, code) as endpoint:
        assert f"has trouble of its own (HTTP {status}), and still had" in failure(monkeypatch, endpoint)
