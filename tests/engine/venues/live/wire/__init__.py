"""What leaves ccxt, request by request, against a server that only listens."""
