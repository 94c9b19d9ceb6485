"""HTTP of the embedded server: connections, checks of each request, faults, rate limits."""
