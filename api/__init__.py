"""The thin ingress: HTTP in, message out; result or token stream back. It decides nothing about a prompt."""
