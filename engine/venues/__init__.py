"""Venues: exchange accounts behind the engine's `Venue` port."""
