"""What is said of a message that a stage gave up on; the message itself travels beside it, byte for byte."""

from contracts.envelope import MSG_ID

REASON = "penstock-reason"
ERROR_CODE = "penstock-error-code"
STAGE = "penstock-stage"
SUBJECT = "penstock-subject"
STREAM = "penstock-stream"
SEQUENCE = "penstock-sequence"
DELIVERIES = "penstock-deliveries"
REDRIVEN_FROM = "penstock-redriven-from"
LINK = "penstock-link"
"""The `traceparent` of the life before: a redrive begins a new trace that links to it."""

OWN = (REASON, ERROR_CODE, STAGE, SUBJECT, STREAM, SEQUENCE, DELIVERIES, MSG_ID)
"""Headers that describe the dead letter; the others are the original's and go back with it on a redrive."""
