"""The README's dashboard commands, run as they stand: server, worker, deployments, a run, its artifacts."""

from typing import Any

from tests.conftest import Server


def test_a_deployment_run_ends_completed_with_its_artifacts(deployed: Server, deployment_run: dict[str, Any]) -> None:
    assert deployment_run["state"]["type"] == "COMPLETED", deployment_run["state"]
    assert deployment_run["name"].startswith("menagerie ")
    of_it = {"flow_runs": {"id": {"any_": [deployment_run["id"]]}}}
    tasks = deployed.find("task_runs", limit=200, **of_it)
    assert {task["state"]["type"] for task in tasks} == {"COMPLETED"}
    artifacts = {artifact["key"]: artifact for artifact in deployed.find("artifacts", **of_it)}
    assert artifacts["menagerie-link-health"]["type"] == "table"
    assert artifacts["menagerie-report"]["data"].count("](data:image/png;base64,") == 5
    [version] = (deployed.folder / "artifacts" / "versions").iterdir()
    assert f"{version}/report.html" in artifacts["menagerie-version"]["data"]


def test_the_nightly_run_is_scheduled_and_waits_for_its_turn(deployed: Server) -> None:
    told = deployed.get("/deployments/name/refresh/nightly")
    assert [(s["schedule"]["cron"], s["active"]) for s in told["schedules"]] == [("0 3 * * *", True)]
    assert told["global_concurrency_limit"]["limit"] == 1
    assert told["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_the_dashboards_form_names_and_describes_every_setting(deployed: Server) -> None:
    schema = deployed.get("/deployments/name/refresh/manual")["parameter_openapi_schema"]
    settings = schema["definitions"]["FetchSettings"]["properties"]
    assert all(field.get("description") for field in settings.values())
