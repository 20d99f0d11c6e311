# The local stack: see deploy/README.md.
.PHONY: setup up down status demo demo-check

setup: ## install what is missing (apt, Maven Central, PyPI)
	@deploy/local/install.sh

# Installing may bring the libraries that the top of the Makefile looks for, hence the second make.
up: ## bring up PostgreSQL, Kafka and Weir in build/stack
	@deploy/local/install.sh
	+@$(MAKE) --no-print-directory all portal
	@deploy/local/stack.sh up

demo: ## the stack, and the whole story on it with real clients
	@deploy/local/install.sh
	+@$(MAKE) --no-print-directory all portal browser
	@deploy/local/demo.sh

demo-check: ## the same unattended in a folder of its own; exits with the verdict, leaves nothing
	@deploy/local/install.sh
	+@$(MAKE) --no-print-directory all portal browser
	@deploy/local/demo.sh check

down: ## stop the local stack; its data stays in build/stack
	@deploy/local/stack.sh down

status: ## what of the local stack runs where
	@deploy/local/stack.sh status
