"""Pictures: the network of an iteration, and curves over a run, drawn with matplotlib."""
