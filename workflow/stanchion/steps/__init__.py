"""The steps: one module a rule, and the runner that runs them."""
