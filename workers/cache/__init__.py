"""Has this been answered before? Publishes `completed` for a hit and `uncached` for a miss, and keeps what came out."""
