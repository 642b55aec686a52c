"""Models in the format ONNX as experiments, and trained networks in that format."""
