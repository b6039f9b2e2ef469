"""Live venues: an exchange account through ccxt."""
