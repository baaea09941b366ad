"""Attacks on a running luna: what SECURITY.md says that luna withstands, each tried from where it would come."""
