"""The dispatch core, written once: decode, wait for a slot, run, publish, ack, dead-letter, span."""
