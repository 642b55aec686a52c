"""scikit-learn's estimators and pipelines as experiments."""
