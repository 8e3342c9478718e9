"""What a task costs, measured on a real control plane: `make bench`."""
