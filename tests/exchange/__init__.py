"""A local exchange for tests: real ccxt talks to it over HTTP on the loopback."""
