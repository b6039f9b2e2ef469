"""Tellings: what a chat is told about a subject now, and whether that edits a card or rings."""
