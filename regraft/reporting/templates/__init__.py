"""Templates of the report, of its markdown and of the model card."""
