"""Long searches for inputs that break what reads them. Run by hand; a short form runs in the gate."""
