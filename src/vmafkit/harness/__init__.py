"""The research harness: workspace, recipes, result store, testing and training of metrics."""
