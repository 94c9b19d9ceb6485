"""Run the scripts of integrations, in the engine that the server uses (V8). The extra ``scripts`` installs it."""
