"""Baselines: what a user would have otherwise, each as somebody competent would write it.

None of them keeps a journal, checks a limit, or survives a kill; docs/benchmarks.md says so.
"""
