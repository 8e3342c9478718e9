"""What the make targets run: environment, steps, generators, locks. Nothing here is part of the collection."""
