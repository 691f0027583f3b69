"""`penstock trace`: one request as a waterfall."""
