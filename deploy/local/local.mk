# The local stack: see deploy/README.md.
.PHONY: setup up down status

setup: ## install what is missing (apt, Maven Central, PyPI)
	@deploy/local/install.sh

# Installing may bring the libraries that the top of the Makefile looks for, hence the second make.
up: ## bring up PostgreSQL, Kafka and Weir in build/stack
	@deploy/local/install.sh
	+@$(MAKE) --no-print-directory all portal
	@deploy/local/stack.sh up

down: ## stop the local stack; its data stays in build/stack
	@deploy/local/stack.sh down

status: ## what of the local stack runs where
	@deploy/local/stack.sh status
