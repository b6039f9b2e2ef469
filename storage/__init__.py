"""Storage: the engine's ports on SQLite, and what the console remembers beside the journal."""
