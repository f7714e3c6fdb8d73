"""Files on staff's pages."""

from django import template

from uploads import staff_pictures
from uploads.content_types import IMAGES
from uploads.models import Upload

register = template.Library()


@register.filter
def picture_url(upload: Upload) -> str:
    """Return where its small picture is, or nothing."""
    return staff_pictures.url_of(upload)


@register.filter
def ending(upload: Upload) -> str:
    """Return the type's usual ending, as a word."""
    return upload.key.rpartition(".")[2].upper()


@register.filter
def why_no_picture(upload: Upload) -> str:
    """Say why an image has no small picture, or nothing of what is no image."""
    return upload.no_thumbnail.replace("_", " ") if upload.content_type in IMAGES else ""


@register.filter
def is_held_back(upload: Upload) -> bool:
    """Tell whether staff hold it back."""
    return upload.status == Upload.Status.QUARANTINED
