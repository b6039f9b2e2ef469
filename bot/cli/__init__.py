"""The commands of the package that a shell gives: what they are called with, and what they do."""
