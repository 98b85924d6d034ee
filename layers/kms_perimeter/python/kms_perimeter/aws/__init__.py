"""The only folder that talks to AWS: one small adapter for each service."""
