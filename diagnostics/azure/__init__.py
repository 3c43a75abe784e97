"""Everything that knows an Azure endpoint: clouds, credentials, and the clients that probes read with."""
