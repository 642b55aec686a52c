"""How fast, how large, against what people use: `python -m tests.bench`.

Every figure is a ratio of two things measured in turn, in this run, on this machine. No test
asserts on time; tests/whole/test_bench.py holds that the competitors compute what we compute.
"""
