"""What may stand in the bodies of administrative requests."""

from typing import Annotated

from pydantic import Field

from api.documents.rules import Closed, Text

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""It stands in subjects."""
Name = Annotated[Text, Field(max_length=256)]


class CreateOrganisation(Closed):
    """POST /admin/v1/organisations"""

    id: Id
    name: Name = ""


class UpdateOrganisation(Closed):
    """POST /admin/v1/organisations/{organisation}. What is absent or null stays."""

    name: Name | None = None
    disabled: bool | None = None
