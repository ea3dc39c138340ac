"""Stories against a real API server, and the cluster they run on."""
