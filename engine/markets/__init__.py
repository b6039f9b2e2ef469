"""Markets: sources of instruments and quotes behind the engine's `Quotes` port."""
