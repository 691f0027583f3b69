"""Settings, broker, database, telemetry and the embedded servers: what the workers and the ingress stand on."""
