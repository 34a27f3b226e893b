"""ESP (RFC 4303): security associations, replay, and the engine that works on packets."""
