"""Read what a person typed: an order, a close, a cancel, a chart; or say clearly what is wrong.

Everything here is pure: text and known instruments in, a value out, never an exception.
"""
