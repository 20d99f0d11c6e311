"""The story of the local stack: what `make demo` plays, with real clients, and proves at its end."""
