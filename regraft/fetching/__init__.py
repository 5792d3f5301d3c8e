"""Many exchanges side by side: processes, threads, hosts that take turns, retries."""
