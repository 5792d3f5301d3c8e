"""What libraries write to standard error is discarded, and nothing else is."""

import os
import sys

import pytest

from regraft.backbones.stderr import STDERR, muted_stderr


def test_standard_error_is_back_when_the_last_of_two_that_mute_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = muted_stderr(), muted_stderr()
    first.__enter__()
    second.__enter__()
    os.write(STDERR, b"of both")
    first.__exit__(None, None, None)
    os.write(STDERR, b"of the second")
    second.__exit__(None, None, None)
    os.write(STDERR, b"news")
    assert capfd.readouterr().err == "news"


def test_a_process_may_have_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has None in its place where whoever started it has closed it, or under Windows' pythonw."""
    monkeypatch.setattr(sys, "stderr", None)
    with muted_stderr():
        pass
