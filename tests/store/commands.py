"""What commands do to a store, each in a process of its own that begins with all imports done."""

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from regraft.errors import RegraftError, VersionError
from regraft.flows.cli import app
from regraft.flows.web.app import curator
from regraft.identity import digest_of
from regraft.links.memory import known_links, put_links
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.upkeep.remove import finish
from tests.upkeep.pictured import NAMES, picture, put_pictures, url_of

REMOVED, OTHER = url_of(4), url_of(1)
"""The link that is removed, and one that somebody decides about."""
PAGES = ("/", f"/{NAMES[0]}/report.html", "/links", f"/link?url={REMOVED}", "/pictures", "/review", "/decisions")
EXIT_CODES = (0, 3, 4, 9, 10, 11, 12)
"""Those of commands that are done, or refused in a sentence."""
Work = Callable[[str], int]
"""Does something to the store at a URL, in a process of its own, and returns its exit code."""


def command(*words: str) -> Work:
    """What a command of `regraft` does."""

    def work(url: str) -> int:
        try:
            app(prog_name="regraft", args=[*words, "--store", url])
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 0
        return 0

    return work


def pages(url: str) -> int:
    """Read the curator's pages; none of them may have a fault."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the client's own thread would be waited for
    client = TestClient(curator(Store(url)), base_url="http://127.0.0.1:4201", client=("127.0.0.1", 50_000))
    for _ in range(3):
        for page in PAGES:
            answer = client.get(page)
            assert "has a fault here" not in answer.text, page
    return 0


def run(url: str) -> int:
    """What a run does to a store: it goes on with a removal, then remembers links and publishes a version."""
    try:
        store = Store(url)
        with store.run("a run"):
            finish(store)
            store.drafts.sweep()
            store.drafts.put(b"head")
            store.blobs.put(picture(0))
            path = path_of(OTHER, Layout())
            put_links(store, path, known_links(store, path))
            publish_again(store)
            store.drafts.sweep()
    except RegraftError as error:
        print(f"regraft: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def publish_again(store: Store) -> None:
    """Publish what the newest version has that is not damaged, as a run steps over those that are."""
    for name in reversed(versions.names(store)):
        with contextlib.suppress(VersionError):
            sound = versions.version(store, name)
            files = {file: sound.read(file) for file in sound.run.files}
            digests = {file: digest_of(data) for file, data in files.items()}
            complete = sound.run.model_copy(update={"files": digests})
            versions.publish(store, versions.new_name(store), files | {"run.json": complete.to_bytes()})
            return


def export(url: str) -> int:
    """Write a version's pictures as a dataset beside the store."""
    folder = f"{url}-dataset-{os.getpid()}"
    return command("dataset", "champion", folder, "--to", "imagefolder")(url)


WORKS: dict[str, Work] = {
    "remove": command("remove", REMOVED, "--why", "the owner wants it", "--yes"),
    "promote": command("promote", NAMES[0]),
    "promote back": command("promote", "previous"),
    "accept": command("accept", OTHER),
    "reject": command("reject", REMOVED),
    "prune": command("prune", "--last", "1", "--yes"),
    "repair": command("verify", "--repair"),
    "verify": command("verify"),
    "versions": command("versions"),
    "links": command("links", "host1.example"),
    "decisions": command("decisions"),
    "export": export,
    "pages": pages,
    "run": run,
}
"""What is done side by side, by name."""


def start(name: str, work: Work, url: str, output: Path, wait_s: float) -> int:
    """Do some work in a process of its own, that begins with all imports done; return its number."""
    if pid := os.fork():
        return pid
    code = 70
    try:
        file = output.open("w")
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        time.sleep(wait_s)
        code = work(url)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.flush()
        os._exit(code)


def alone(work: Work, url: str, output: Path) -> int:
    """Do some work in a process of its own, and wait for it."""
    _, status = os.waitpid(start("alone", work, url, output, 0), 0)
    return os.waitstatus_to_exitcode(status)


def put_versions_in_use(store: Store) -> None:
    """Have a store hold pictures and two versions: the first was in use, and the second is."""
    put_pictures(store, has_examples=False)
    versions.promote(store, NAMES[0], NAMES[1])
    versions.promote(store, NAMES[1], NAMES[0])


def published(url: str) -> dict[str, bytes]:
    """Every file of every version."""
    files = (Path(folder, name) for folder, _, names in os.walk(f"{url}/versions") for name in names)
    readable = (path for path in files if path.is_file() and os.access(path, os.R_OK))
    return {path.relative_to(url).as_posix(): path.read_bytes() for path in readable}


def import_all() -> None:
    """Import what the commands would import each by itself, so that signals do not only hit imports."""
    for module in ("regraft.dataset.export", "regraft.reporting.plots", "regraft.flows.cli.stores", "scipy.stats"):
        importlib.import_module(module)
    gc.freeze()
