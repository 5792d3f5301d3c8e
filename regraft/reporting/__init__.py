"""What people read about versions: report, plots, examples, history, comparison."""
