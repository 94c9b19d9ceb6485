"""Messages in and out: incoming webhooks, and the calls of outgoing integrations."""
