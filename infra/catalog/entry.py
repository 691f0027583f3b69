"""What every part of a catalogue is."""

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """Part of a catalogue; a field that it doesn't know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
