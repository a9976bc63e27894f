"""Tiny models: the registry, the cards, and the one way to open an ONNX file."""
