"""The endpoints of uploads."""

from django.http.response import HttpResponseBase, HttpResponseRedirect
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.authentication import AuthenticatedRequest
from nocturnal_project import clock
from nocturnal_project.api import BoundedJSONParser, idempotency_key, validated_query
from nocturnal_project.pagination import NewestFirst
from ratelimits.policies import POLICIES
from ratelimits.throttling import RateLimitedAPIView
from uploads import completion, direct, quota, schema, selectors, services, thumbnails
from uploads.direct_storage import Announced
from uploads.parsers import BoundedMultiPartParser
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

# A browser goes where it was redirected for no longer than that leads anywhere.
_BEFORE_IT_ENDS_SECONDS = 60


@schema.uploads
class UploadViewSet(ViewSetMixin, RateLimitedAPIView):
    """The caller's files."""

    rate_limits = {"create": POLICIES["upload"], "presign": POLICIES["upload"]}  # the rest: api
    parser_classes = (BoundedMultiPartParser,)
    pagination_class = NewestFirst
    lookup_value_converter = "str"

    def list(self, request: AuthenticatedRequest) -> Response:
        """List the files, newest first."""
        wanted = validated_query(ListRequest, request)
        pages = NewestFirst(page_size=wanted.pop("limit"))
        found = selectors.uploads_of(request.user.pk, **wanted)
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(UploadAnswer(page, many=True).data)

    def create(self, request: AuthenticatedRequest) -> Response:
        """Store a file of at most 10 MB."""
        wanted = UploadRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        file = wanted.validated_data["file"]
        upload, made = services.store_upload(
            owner_id=request.user.pk,
            incoming=services.Incoming(
                file=file, size_bytes=file.size, name=file.name, declared_type=file.content_type or ""
            ),
            category=wanted.validated_data["category"],
            strip_location=wanted.validated_data["strip_location"],
            idempotency_key=idempotency_key(request),
            now=clock.now(),
        )
        headers = {"Location": f"/api/v1/uploads/{upload.pk}"} | ({} if made else {"Idempotent-Replayed": "true"})
        return Response(UploadAnswer(upload).data, status=201, headers=headers)

    @action(detail=False, methods=["get"])
    def usage(self, request: AuthenticatedRequest) -> Response:
        """Read how much is stored, of how much that may be."""
        return Response(UsageAnswer(quota.usage_of(request.user.pk)).data)

    def retrieve(self, request: AuthenticatedRequest, pk: str) -> Response:
        """Read one file's facts."""
        return Response(UploadAnswer(selectors.upload_of(request.user.pk, pk)).data)

    def destroy(self, request: AuthenticatedRequest, pk: str) -> Response:
        """Delete a file. There is no way back."""
        services.delete_upload(upload=selectors.upload_of(request.user.pk, pk))
        return Response(status=204)

    @action(detail=True, methods=["get"])
    def url(self, request: AuthenticatedRequest, pk: str) -> Response:
        """Get a URL that downloads the file without a token, for at most an hour."""
        wanted = validated_query(SignedUrlRequest, request)
        upload = selectors.upload_of(request.user.pk, pk)
        url, expires_at = services.signed_url(upload=upload, seconds=wanted["expires_in"], now=clock.now())
        answer = SignedUrlAnswer({"url": url, "expires_at": expires_at})
        return Response(answer.data, headers={"Cache-Control": "private, no-store"})

    @action(detail=True, methods=["get"])
    def content(self, request: AuthenticatedRequest, pk: str) -> HttpResponseBase:
        """Be redirected to a signed URL of the file."""
        upload = selectors.upload_of(request.user.pk, pk)
        url, _ = services.signed_url(upload=upload, seconds=60, now=clock.now())
        response = HttpResponseRedirect(url)
        response["Cache-Control"] = "private, no-store"
        return response

    @action(detail=True, methods=["get"])
    def thumbnail(self, request: AuthenticatedRequest, pk: str) -> HttpResponseBase:
        """Be redirected to a small picture of an image: a WebP of at most 320 pixels, made when first asked for."""
        now = clock.now()
        url, expires_at = thumbnails.signed_url(upload=selectors.upload_of(request.user.pk, pk), now=now)
        response = HttpResponseRedirect(url)
        seconds = max(0, int((expires_at - now).total_seconds()) - _BEFORE_IT_ENDS_SECONDS)
        response["Cache-Control"] = f"private, max-age={seconds}"
        response["Vary"] = "Authorization"
        return response

    @action(detail=False, methods=["post"], parser_classes=(BoundedJSONParser,))
    def presign(self, request: AuthenticatedRequest) -> Response:
        """Announce a file of at most 5 GB, and get a signed form or signed parts that send it past the instances."""
        wanted = PresignRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = wanted.validated_data
        presigned, made = direct.presign(
            owner_id=request.user.pk,
            name=said["filename"],
            announced=Announced("", said["content_type"], said["size_bytes"], said["sha256"]),
            category=said["category"],
            idempotency_key=idempotency_key(request),
            now=clock.now(),
        )
        headers = {"Location": f"/api/v1/uploads/{presigned.upload.pk}", "Cache-Control": "no-store"}
        headers |= {} if made else {"Idempotent-Replayed": "true"}
        return Response(PresignAnswer(presigned).data, status=201, headers=headers)

    @action(detail=True, methods=["get"])
    def parts(self, request: AuthenticatedRequest, pk: str) -> Response:
        """Read how to send what is missing: which parts are there, and fresh URLs for the others, or a fresh form."""
        presigned = direct.how_to_send(selectors.upload_of(request.user.pk, pk), clock.now())
        return Response(PresignAnswer(presigned).data, headers={"Cache-Control": "no-store"})

    @action(detail=True, methods=["post"], parser_classes=(BoundedJSONParser,))
    def complete(self, request: AuthenticatedRequest, pk: str) -> Response:
        """Have what was sent verified and kept. Safe to repeat; every call is answered with the ready file."""
        CompleteRequest(data=request.data).is_valid(raise_exception=True)
        upload = completion.complete(upload=selectors.upload_of(request.user.pk, pk))
        return Response(UploadAnswer(upload).data)
