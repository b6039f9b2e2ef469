"""Handlers: each decodes what a person asked for, calls the engine, and renders what came of it."""
