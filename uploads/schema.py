"""How the upload endpoints look in the OpenAPI description."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

from nocturnal_project.openapi import BAD_CURSOR, IDEMPOTENCY_KEY, problem_answer
from uploads.serializers import (
    CompleteRequest,
    ListRequest,
    PresignAnswer,
    PresignRequest,
    SignedUrlAnswer,
    SignedUrlRequest,
    UploadAnswer,
    UploadRequest,
    UsageAnswer,
)

_UPLOAD = {
    "id": "019b2c3d-5e6f-7a8b-9c0d-1e2f3a4b5c6d",
    "category": "general",
    "filename": "moon.png",
    "content_type": "image/png",
    "size_bytes": 68,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "status": "ready",
    "created_at": "2026-01-02T03:04:05.678Z",
}
_ONE = OpenApiExample("upload", value=_UPLOAD, response_only=True)
_ANNOUNCED = OpenApiExample(
    "announcement",
    value={fact: _UPLOAD[fact] for fact in ("filename", "content_type", "size_bytes", "sha256", "category")},
    request_only=True,
)
_PRESIGNED = OpenApiExample(
    "form",
    value={
        "upload": _UPLOAD | {"status": "pending"},
        "expires_at": "2026-01-02T04:04:05.678Z",
        "method": "POST",
        "url": "https://bucket.s3.amazonaws.com/",
        "fields": {"key": "staging/2026-01-02/…", "policy": "…", "x-amz-signature": "…"},
        "parts": [],
    },
    response_only=True,
)
_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The upload's id.")
_MISSING = problem_answer(404, "not_found", "There is no such upload, or it is someone else's.")
_NOT_READY = problem_answer(409, "upload_not_ready", "The file is not ready.")


def _operation(name: str, **more: Any) -> Any:
    return extend_schema(tags=["uploads"], operation_id=name, **more)


uploads = extend_schema_view(
    list=_operation(
        "list_uploads",
        parameters=[ListRequest],
        responses={
            200: UploadAnswer(many=True),
            422: BAD_CURSOR,
        },
        examples=[_ONE],
    ),
    create=_operation(
        "create_upload",
        request={"multipart/form-data": UploadRequest},
        parameters=[IDEMPOTENCY_KEY],
        responses={
            201: UploadAnswer,
            403: problem_answer(403, "storage_quota_exceeded", "The file does not fit in your storage."),
            409: problem_answer(409, "request_in_progress", "A request with this Idempotency-Key is in progress."),
            411: problem_answer(411, "length_required", "The request needs a Content-Length."),
            413: problem_answer(413, "file_too_large", "The file is too large."),
            415: problem_answer(415, "unsupported_file_type", "Files of this type are not accepted."),
            422: problem_answer(422, "file_malformed", "The file is damaged, or is more than it says."),
        },
        examples=[_ONE],
    ),
    usage=_operation(
        "read_storage_usage",
        responses={200: UsageAnswer},
        examples=[OpenApiExample("usage", value={"used_bytes": 68, "quota_bytes": 10_737_418_240}, response_only=True)],
    ),
    presign=_operation(
        "presign_upload",
        request=PresignRequest,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            201: PresignAnswer,
            403: problem_answer(403, "storage_quota_exceeded", "The file does not fit in your storage."),
            409: problem_answer(409, "request_in_progress", "A request with this Idempotency-Key is in progress."),
        },
        examples=[_ANNOUNCED, _PRESIGNED],
    ),
    parts=_operation(
        "read_upload_parts",
        parameters=[_ID],
        responses={
            200: PresignAnswer,
            404: _MISSING,
            409: problem_answer(409, "upload_not_direct", "The file does not come straight to the storage."),
        },
        examples=[_PRESIGNED],
    ),
    complete=_operation(
        "complete_upload",
        request=CompleteRequest,
        parameters=[_ID],
        responses={
            200: UploadAnswer,
            404: _MISSING,
            409: problem_answer(409, "upload_not_stored", "The file has not been sent yet."),
            415: problem_answer(415, "unsupported_file_type", "Files of this type are not accepted."),
            422: problem_answer(422, "content_mismatch", "What was sent is not what was announced."),
        },
        examples=[_ONE],
    ),
    retrieve=_operation("read_upload", parameters=[_ID], responses={200: UploadAnswer, 404: _MISSING}, examples=[_ONE]),
    destroy=_operation(
        "delete_upload", parameters=[_ID], responses={204: OpenApiResponse(description="It is gone."), 404: _MISSING}
    ),
    url=_operation(
        "sign_upload_url",
        parameters=[_ID, SignedUrlRequest],
        responses={200: SignedUrlAnswer, 404: _MISSING, 409: _NOT_READY},
        examples=[
            OpenApiExample(
                "url",
                value={"url": "https://…/moon.png?X-Amz-Signature=…", "expires_at": "2026-01-02T04:04:05.678Z"},
                response_only=True,
            )
        ],
    ),
    content=_operation(
        "download_upload",
        parameters=[_ID],
        responses={302: OpenApiResponse(description="Location is a signed URL."), 404: _MISSING, 409: _NOT_READY},
    ),
    thumbnail=_operation(
        "show_upload_thumbnail",
        parameters=[_ID],
        responses={
            302: OpenApiResponse(description="Location is a signed URL of a WebP; it may be cached as it says."),
            404: problem_answer(404, "no_thumbnail", "There is no small picture of this file.", reason="not_an_image"),
            409: _NOT_READY,
        },
    ),
)
