"""How a fit is sampled: one run of a program, several at once, and what is decided between them."""
