"""Topic maintenance: taking one node out of service, and back, for work on its host."""
