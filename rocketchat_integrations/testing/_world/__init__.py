"""State of the embedded server: users, rooms, integrations, messages, and the rules for them."""
