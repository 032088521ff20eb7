"""The services of items, as dependencies of routes."""

from typing import Annotated

from app.http.dependencies import from_state
from app.items.deletion.service.trash import TrashService
from app.items.service.actions import ItemActions
from app.items.service.completion import CompletionService
from app.items.service.items import ItemService
from app.items.service.playback import PlaybackService
from app.items.service.representation import ItemRepresentation
from app.items.service.uploads import UploadService

Items = Annotated[ItemService, from_state("items", ItemService)]
Actions = Annotated[ItemActions, from_state("item_actions", ItemActions)]
Representation = Annotated[ItemRepresentation, from_state("representation", ItemRepresentation)]
Uploads = Annotated[UploadService, from_state("uploads", UploadService)]
Completion = Annotated[CompletionService, from_state("completion", CompletionService)]
Playback = Annotated[PlaybackService, from_state("playback", PlaybackService)]
Trash = Annotated[TrashService, from_state("trash", TrashService)]
