"""The console: Telegram, HTTP, clock, schedule and process."""
