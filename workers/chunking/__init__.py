"""Takes submitted documents in, and cuts them into the chunks of each index version that is to have them."""
