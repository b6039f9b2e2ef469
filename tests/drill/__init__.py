"""The drill: the real process trades live at the test exchange while everything goes wrong."""
