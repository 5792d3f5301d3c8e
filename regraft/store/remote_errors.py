"""What goes wrong with a bucket, in one sentence: credentials, the bucket itself, the network, too many requests."""

import contextlib
from collections.abc import Iterator
from typing import Any

from regraft.errors import StoreError

ALREADY_THERE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""Codes of an answer to a conditional request: somebody else wrote the object, or is about to."""
NO_BUCKET = ("NoSuchBucket", "InvalidBucketName")
REFUSED = (
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "401",
    "403",
    "Forbidden",
)
"""Codes that blame the credentials."""
TOO_MANY = ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "429", "503")
"""Codes that ask for fewer requests."""
SERVER_ERRORS = range(500, 600)
"""HTTP statuses by which a server says that the fault is its own."""
NOT_IMPLEMENTED = 501
"""The one of them that no second try changes."""
NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound")
NO_ANSWER = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ProxyConnectionError",
    "ClientConnectorError",
    "ServerDisconnectedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "TimeoutError",
    "FSTimeoutError",
)
"""Exceptions by which the libraries say that nobody answered; by name, so that no library need be imported for it."""
MAX_DETAIL_LENGTH = 200


@contextlib.contextmanager
def explained(address: str) -> Iterator[None]:
    """Raise StoreError, with one sentence, where a file system fails. Missing files stay FileNotFoundError."""
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as error:
        if code_of(error) not in NO_BUCKET:
            raise
        raise StoreError(_sentence(address, error)) from error
    except Exception as error:  # every file system raises its own
        raise StoreError(_sentence(address, error)) from error


def code_of(error: BaseException) -> str:
    """Return the code of the bucket's answer that an exception comes from, such as `NoSuchBucket`; "" for none."""
    return str(_answer_of(error).get("Error", {}).get("Code", ""))


def _status_of(error: BaseException) -> int:
    """The HTTP status of the bucket's answer that an exception comes from; 0 for none."""
    return int(_answer_of(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answer_of(error: BaseException) -> dict[str, Any]:
    """The bucket's answer that an exception comes from, as botocore has it; empty where there is none."""
    answers = (getattr(cause, "response", None) for cause in _causes(error))
    return next((answer for answer in answers if isinstance(answer, dict)), {})


def detail_of(error: Exception) -> str:
    """Return what an exception says, in one line that is not too long."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())[:MAX_DETAIL_LENGTH]


def _sentence(address: str, error: Exception) -> str:
    """What went wrong, and what to do about it."""
    code, kinds = code_of(error), {type(cause).__name__ for cause in _causes(error)}
    detail = detail_of(error)
    store = f"The store {address}"
    if code in NO_BUCKET:
        return f"{store} cannot be used: there is no such bucket. Create it, or choose another store."
    if kinds & {*NO_CREDENTIALS}:
        return (
            f"{store} cannot be used without credentials, and none were found. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or what else your bucket's provider names."
        )
    if code in REFUSED or isinstance(error, PermissionError):
        return f"{store} refuses these credentials ({code or detail}). Check them, and what they may do there."
    if code in TOO_MANY:
        return f"{store} asks for fewer requests ({code}), and still did after several tries. Run again later."
    if kinds & {*NO_ANSWER}:
        return f"{store} does not answer ({detail}). Check the endpoint and the network, then run again."
    status = _status_of(error)
    if status in SERVER_ERRORS and status != NOT_IMPLEMENTED:
        return f"{store} has trouble of its own (HTTP {status}), and still had after several tries. Run again later."
    kind = code or ("" if isinstance(error, OSError) else type(error).__name__)
    return f"{store} cannot be used ({': '.join(filter(None, (kind, detail)))})."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it comes from, the outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
