"""Both ends want something at once, and the wire does what it likes."""
