"""Views: what each screen shows, as frozen values made from State and quotes by pure functions.

A view holds numbers and times; how they are written is the screens' affair. Every view carries a
`Scene`: who looks, when, and whether the money is real.
"""
