"""Planted mutants: believable mistakes, each of which the simulation or a suite must catch.

A promise is as good as what happens when it is broken. Each mutant breaks one on purpose, in a
copy of the tree, and the runner says what noticed: `make mutants`.
"""
