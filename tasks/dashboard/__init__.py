"""What Prefect's dashboard shows beside the tasks: progress, artifacts, events, and which runs crashed."""
