"""Talk: Telegram, HTTP, clock, schedule and process; holds the composition root."""
