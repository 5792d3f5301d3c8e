"""What is told of a version: report, plots, examples, history, comparison."""
