"""Pure words about a conversation: what is volatile in it, its digest, its length, what stands for it in a file."""
