"""The pipelines, described in Halide's Python front end; needed only to build the engine."""
