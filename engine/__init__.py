"""The engine: decides and trades; knows no Telegram, no SQL, no Redis."""
