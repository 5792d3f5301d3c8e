"""The commands of docs/dashboard.md, run as they stand: server, worker, deployments, a run, its artifacts, events."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from regraft import menagerie
from regraft.config import EngineSettings
from regraft.store import versions
from regraft.store.store import Store
from regraft.tasks.dashboard.beats import BEAT, ENDED
from tests.clusters import dask_cluster
from tests.deployed import Server
from tests.docs_commands import BIN, ROOT
from tests.processes import free_port, until, until_healthy, without_prefect

pytestmark = pytest.mark.server


def test_a_deployment_run_ends_completed_with_its_artifacts(deployed: Server, deployment_run: dict[str, Any]) -> None:
    assert deployment_run["state"]["type"] == "COMPLETED", deployment_run["state"]
    assert deployment_run["name"].startswith("menagerie ")
    of_it = {"flow_runs": {"id": {"any_": [deployment_run["id"]]}}}

    def completed() -> bool:  # the server hears of task runs a little later
        tasks = deployed.find("task_runs", limit=200, **of_it)
        return {task["state"]["type"] for task in tasks} == {"COMPLETED"}

    until("all task runs are completed", completed, 30)
    artifacts = {artifact["key"]: artifact for artifact in deployed.find("artifacts", **of_it)}
    assert artifacts["menagerie-link-health"]["type"] == "table"
    assert artifacts["menagerie-report"]["data"].count("](data:image/png;base64,") == 3
    for step in ("fetch", "embed"):
        assert (artifacts[f"menagerie-{step}"]["type"], artifacts[f"menagerie-{step}"]["data"]) == ("progress", 100)
    [version] = (deployed.folder / "artifacts" / "versions").iterdir()
    [row] = json.loads(artifacts["menagerie-metrics"]["data"])
    assert (row["version"], row["champion"]) == (version.name, "champion")
    link = re.search(r"\(?(http://127\.0\.0\.1:4201/[^)]+)", artifacts["menagerie-version"]["data"])
    assert link
    shown = requests.get(deployed.reports + link[1].removeprefix("http://127.0.0.1:4201"), timeout=30)
    assert shown.content == (version / "report.html").read_bytes()


def test_reports_are_served_to_this_machine_only_and_nothing_else_is(deployed: Server, deployment_run: Any) -> None:
    [version] = [path.name for path in (deployed.folder / "artifacts" / "versions").iterdir()]
    index = requests.get(deployed.reports, timeout=30)
    assert f"/{version}/report.html" in index.text
    for path in ("/champion.json", f"/{version}/head.keras", f"/{version}/../../champion.json", "/..", f"/{version}/"):
        request = requests.Request("GET", deployed.reports).prepare()
        request.url = deployed.reports + path
        assert requests.Session().send(request, timeout=30).status_code == 404, path
    rebound = requests.get(deployed.reports, headers={"Host": "evil.example:80"}, timeout=30)
    assert rebound.status_code == 403


def test_the_nightly_run_is_scheduled_and_waits_for_its_turn(deployed: Server) -> None:
    deployment = deployed.get("/deployments/name/refresh/nightly")
    assert [(s["schedule"]["cron"], s["active"]) for s in deployment["schedules"]] == [("0 3 * * *", True)]

    def planned() -> Any:
        return deployed.find("flow_runs", deployments={"name": {"any_": ["nightly"]}})

    runs = until("the server has planned the next nights", planned, 120)
    assert {run["state"]["type"] for run in runs} == {"SCHEDULED"}
    assert all("T03:00:00" in run["expected_start_time"] for run in runs)


def test_all_deployments_of_a_store_share_a_queue_that_starts_one_run_at_a_time(deployed: Server) -> None:
    names = ("refresh/manual", "refresh/nightly", "verify/champion")
    assert {deployed.get(f"/deployments/name/{name}")["work_queue_name"] for name in names} == {"artifacts"}
    assert deployed.get("/work_pools/regraft/queues/artifacts")["concurrency_limit"] == 1


def test_a_schedule_that_was_paused_by_hand_stays_paused_when_it_is_deployed_again(deployed: Server) -> None:
    def nightly() -> Any:
        return deployed.get("/deployments/name/refresh/nightly")

    before = nightly()
    [schedule] = before["schedules"]
    path = f"{deployed.api}/deployments/{before['id']}/schedules"

    def is_changed(active: bool) -> bool:  # a busy server's database may be locked for a moment
        return requests.patch(f"{path}/{schedule['id']}", json={"active": active}, timeout=30).ok

    until("the schedule is paused", lambda: is_changed(False), 60)
    again = [str(BIN / "regraft"), "deploy"]
    ran = subprocess.run(again, cwd=deployed.folder, env=deployed.environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "paused by hand, and stays so" in ran.stdout
    [schedule] = nightly()["schedules"]
    assert not schedule["active"]
    until("the schedule is active again", lambda: is_changed(True), 60)


def test_the_dashboards_form_names_and_describes_every_setting(deployed: Server) -> None:
    schema = deployed.get("/deployments/name/refresh/manual")["parameter_openapi_schema"]
    settings = schema["definitions"]["FetchSettings"]["properties"]
    assert all(field.get("description") for field in settings.values())


def test_events_are_told_and_a_new_champion_has_its_store_looked_through(
    deployed: Server, deployment_run: dict[str, Any]
) -> None:
    def events_by_name() -> dict[str, Any]:
        answer = deployed.post("/events/filter", {"filter": {"event": {"prefix": ["regraft."]}}})
        return {event["event"]: event for event in answer["events"]}

    expected = {"regraft.version.published", "regraft.champion.changed", BEAT, ENDED}
    until("all events are there", lambda: events_by_name().keys() >= expected, 60)
    events = events_by_name()
    assert set(events) == expected
    resource = events["regraft.champion.changed"]["resource"]
    assert resource["prefect.resource.id"] == "regraft.job.menagerie"
    assert resource["regraft.store"] == "artifacts"

    def looked_through() -> Any:
        runs = deployed.find("flow_runs", deployments={"name": {"any_": ["champion"]}})
        ours = [run for run in runs if run["parameters"] == {"store": "artifacts"}]
        return [run for run in ours if run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED")]

    [run] = until("the store is looked through", looked_through, 120)
    assert run["state"]["type"] == "COMPLETED"


def test_a_run_that_is_killed_says_so_and_the_next_one_goes_on_from_there(deployed: Server, tmp_path: Path) -> None:
    """Killed with its whole process group, so that nobody is left to tell: only its heartbeats end."""
    store = str(tmp_path / "store")
    command = [str(BIN / "regraft"), "run", "--store", store]
    environment = deployed.environment
    known = {run["id"] for run in deployed.find("flow_runs")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "embed ..." in line:
                break
        new = [run for run in deployed.find("flow_runs") if run["id"] not in known]
        [ours] = [run for run in new if run["name"].startswith("menagerie ")]  # others look through a store
        assert ours["state"]["type"] == "RUNNING"
        os.killpg(run.pid, signal.SIGKILL)

    state = deployed.ended_run(ours["id"], 240)["state"]
    assert state["type"] == "CRASHED"
    assert "stopped beating" in state["message"]
    again = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    record = json.loads((Path(json.loads(again.stdout)["path"]) / "run.json").read_text())
    assert set(record["counts"]["outcomes"]) == {"checked_before", "archived"}  # no link was asked for again


def test_a_late_heartbeat_of_a_run_that_has_completed_starts_no_automation(
    deployed: Server, deployment_run: dict[str, Any]
) -> None:
    """By the automation of automations.yaml, made to watch two runs, and to wait for 10 seconds instead of 90.

    Both have completed before their last heartbeat comes. One has its last event too; the other, later, lacks it.
    There is one automation, and it is there first: the server forgets all of them for a moment when one is added.
    """
    automations = yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
    [beating] = [automation for automation in automations if "beating" in automation["name"]]
    flow = deployed.get("/flows/name/refresh")["id"]
    runs = [deployed.post("/flow_runs/", {"flow_id": flow, "state": {"type": "RUNNING"}})["id"] for _ in range(2)]
    ended, unended = resources = [f"prefect.flow-run.{run}" for run in runs]
    trigger = beating["trigger"] | {"match": {"prefect.resource.id": resources}, "within": 10}
    automation = deployed.post("/automations/", beating | {"trigger": trigger})["id"]
    for run in runs:
        deployed.post(f"/flow_runs/{run}/set_state", {"state": {"type": "COMPLETED", "name": "Completed"}})
    for resource, late_events in ((ended, [BEAT, ENDED]), (unended, [BEAT])):
        completed = partial(deployed.events, "prefect.flow-run.Completed", resource)
        until("the server knows that it has completed", completed, 60)
        before = None
        for event in late_events:
            before = deployed.emit(event, resource, follows=before)

    def waited_for() -> set[str]:
        triggered = deployed.events("prefect.automation.triggered", f"prefect.automation.{automation}")
        return {event["payload"]["triggering_labels"]["prefect.resource.id"] for event in triggered}

    until("the automation has waited in vain for the run without an end", lambda: unended in waited_for(), 120)
    assert waited_for() == {unended}
    of_a_real_run = deployed.events(ENDED, f"prefect.flow-run.{deployment_run['id']}")
    beats = deployed.events(BEAT, f"prefect.flow-run.{deployment_run['id']}")
    assert [event["payload"] for event in of_a_real_run] == [{"state": "Completed"}]
    assert of_a_real_run[0]["follows"] in {event["id"] for event in beats}


def test_a_run_that_stays_pending_is_marked_as_crashed(deployed: Server) -> None:
    """By the automation of automations.yaml, made to watch this one run, and to wait for 10 seconds instead of 600."""
    [pending] = [
        a for a in yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"] if "never" in a["name"]
    ]
    flow = deployed.get("/flows/name/refresh")
    body = {"flow_id": flow["id"], "state": {"type": "SCHEDULED"}}
    run = deployed.post("/flow_runs/", body)
    pending["trigger"] |= {"match": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"}, "within": 10}
    deployed.post("/automations/", pending)
    path = f"/flow_runs/{run['id']}"
    deployed.post(f"{path}/set_state", {"state": {"type": "PENDING", "name": "Pending"}})
    assert deployed.get(path)["state"]["type"] == "PENDING"
    until("the run is marked as crashed", lambda: deployed.get(path)["state"]["type"] == "CRASHED", 120)
    assert "never started" in deployed.get(path)["state"]["message"]


def test_a_deployment_runs_on_a_cluster_where_its_config_names_one(
    deployed: Server, known_web: str, tmp_path: Path
) -> None:
    manual = deployed.get("/deployments/name/refresh/manual")
    with dask_cluster(tmp_path, deployed.environment | {"PYTHONPATH": str(deployed.folder)}) as cluster:
        cluster.start_worker()
        cluster.wait_for_workers(1)
        config = menagerie.CONFIG.model_dump(mode="json")
        config |= {"store": known_web, "engine": {"kind": "dask", "address": cluster.address}}
        path, body = f"/deployments/{manual['id']}/create_flow_run", {"parameters": {"config": config}}
        state = deployed.ended_run(deployed.post(path, body)["id"], 600)["state"]
    assert state["type"] == "COMPLETED", state
    record = versions.newest(Store(known_web)).run
    assert record.config.engine == EngineSettings(kind="dask", address=cluster.address)


def test_a_server_that_dies_ends_the_run_with_a_word_and_the_next_run_says_what_became_of_it(
    known_web: str, tmp_path: Path
) -> None:
    """Its automations have forgotten the run by then: they see what dies while the server lives."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    environment = without_prefect(
        PREFECT_HOME=str(tmp_path / "prefect"), PREFECT_CLIENT_MAX_RETRIES="1", PREFECT_API_URL=api
    )
    command = [str(BIN / "regraft"), "run", "--store", known_web]
    with killed_at_the_end(port, environment):
        run = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert run.stderr is not None
        while "fetch ..." not in run.stderr.readline():
            assert run.poll() is None
    messages = run.stderr.read()
    assert run.wait(300) == 13, messages
    assert f"Prefect's server at {api} stopped answering" in messages
    assert "Traceback" not in messages
    published = versions.names(Store(known_web))
    assert len(published) == 1, "tasks need no server"
    assert f"Version {published[0]} is published" in messages

    with killed_at_the_end(port, environment):
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert again.returncode == 0, again.stderr
        runs = requests.post(f"{api}/flow_runs/filter", json={"sort": "START_TIME_ASC"}, timeout=30).json()
    assert [run["state"]["type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert f"It published version {published[0]}" in runs[0]["state"]["message"]


@contextlib.contextmanager
def killed_at_the_end(port: int, environment: dict[str, str]) -> Iterator[None]:
    """A Prefect server that does not get to say goodbye."""
    start = [str(BIN / "prefect"), "server", "start", "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(start, env=environment, stdout=quiet, stderr=quiet, start_new_session=True) as server:
        try:
            until_healthy(f"http://127.0.0.1:{port}/api")
            yield
        finally:
            os.killpg(server.pid, signal.SIGKILL)
