# The local stack: see deploy/local/README.md.
