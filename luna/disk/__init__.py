"""Files: written whole or not at all; luna's own for their owner only, a person's as that person has them."""
