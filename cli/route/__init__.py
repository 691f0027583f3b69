"""`penstock route`: the prompt router, seen from outside a platform."""
