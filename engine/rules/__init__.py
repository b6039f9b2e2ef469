"""Rules: one pre-trade check a function, grouped by what it looks at; `risk_rules` lists them."""
