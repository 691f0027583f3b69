"""`penstock usage`: what was used, as a table with bars, or as CSV."""
