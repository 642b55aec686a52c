"""Pages: an experiment as one file for a browser, which computes by itself."""
