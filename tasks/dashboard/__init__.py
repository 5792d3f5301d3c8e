"""What Prefect's dashboard is told."""
