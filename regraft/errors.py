"""What can stop a run, as one tree: everything that Regraft raises on purpose is a `RegraftError`.

    RegraftError
     |- ConfigError       the config cannot be understood            exit code 2
     |- ListError         a list cannot be read or has no links      exit code 2
     |- StoreError        the store cannot be read or written        exit code 3
     |   |- LockedError   another run is under way                   exit code 4
     |   '- CorruptError  stored bytes are not what they were
     |- OutageError       the network here is down: nothing is rot   exit code 5
     |- TooFewImages      a category cannot be split                 exit code 6
     |- BackboneError     a backbone or its weights cannot be had    exit code 7
     |   '- CheckpointError   a weights file is not what it should be
     |- TrainingError     training or its check came out wrong       exit code 8
     |- VersionError      no such version, or no champion            exit code 9
     |- PictureError      a picture to predict on cannot be had      exit code 10
     |- LinkError         a link is not known                        exit code 11
     '- ServerError       Prefect's server stopped answering         exit code 13

A message says what happened, what was expected, what was found, and what to try.
"""


class RegraftError(Exception):
    """A broken promise, told in words for the person who runs the job."""

    exit_code = 1


class ConfigError(RegraftError):
    """The config cannot be understood; nothing was fetched."""

    exit_code = 2


class ListError(RegraftError):
    """A list cannot be read, or holds no link."""

    exit_code = 2


class StoreError(RegraftError):
    """The store cannot be read or written."""

    exit_code = 3


class LockedError(StoreError):
    """Another run holds the store."""

    exit_code = 4


class CorruptError(StoreError):
    """Stored bytes do not have the digest that they are named by."""


class OutageError(RegraftError):
    """So many links failed because of this machine that none of them may be called dead."""

    exit_code = 5


class TooFewImages(RegraftError):
    """A category has fewer images than it takes to split."""

    exit_code = 6


class BackboneError(RegraftError):
    """A backbone is unknown, or its weights cannot be had."""

    exit_code = 7


class CheckpointError(BackboneError):
    """A weights file is damaged, hostile, or made for another network."""


class TrainingError(RegraftError):
    """The head came out wrong: not a number, or not the same after reloading."""

    exit_code = 8


class VersionError(RegraftError):
    """No such version, or no champion yet."""

    exit_code = 9


class PictureError(RegraftError):
    """A picture to predict on cannot be had or does not decode."""

    exit_code = 10


class LinkError(RegraftError):
    """A link is not known, or there is nothing to do about it."""

    exit_code = 11


class ServerError(RegraftError):
    """Prefect's server stopped answering while a run was under way."""

    exit_code = 13
