"""What can go wrong with uploads."""

from nocturnal_project.errors import NocturnalError, ServiceUnavailable


class FileTooLarge(NocturnalError):
    """The file is larger than may pass through a pod."""

    code = "file_too_large"
    status = 413
    title = "The file is too large."


class StorageFull(ServiceUnavailable):
    """The disk of local files has no room for it."""

    code = "storage_full"
    status = 507
    title = "There is no room for the file."


class StorageQuotaExceeded(NocturnalError):
    """The file does not fit in what its owner may store; ``quota_bytes`` and ``used_bytes`` say why."""

    code = "storage_quota_exceeded"
    status = 403
    title = "The file does not fit in your storage. Delete other files first."


class UnsupportedFileType(NocturnalError):
    """The bytes are of no type that we keep."""

    code = "unsupported_file_type"
    status = 415
    title = "Files of this type are not accepted."


class FileTypeMismatch(NocturnalError):
    """The bytes are of another type than the name or the declared type says."""

    code = "file_type_mismatch"
    status = 422
    title = "The file is not of the type that it claims."


class SignedUrlInvalid(NocturnalError):
    """The signed URL was altered or has expired."""

    code = "signed_url_invalid"
    status = 403
    title = "The link is not valid or has expired. Ask for a new one."


class RangeNotSatisfiable(NocturnalError):
    """A part of a file was asked for that it does not have."""

    code = "range_not_satisfiable"
    status = 416
    title = "The file has no such part."


class UploadNotStored(NocturnalError):
    """Nothing, or not everything, has been sent to where the file is expected; ``missing_parts`` says what."""

    code = "upload_not_stored"
    status = 409
    title = "The file has not been sent yet."


class ContentMismatch(NocturnalError):
    """What was sent is not what was announced. The upload is rejected and what was sent removed."""

    code = "content_mismatch"
    status = 422
    title = "What was sent is not what was announced."


class UploadRejected(NocturnalError):
    """What was sent for this upload was refused before; start another."""

    code = "upload_rejected"
    status = 409
    title = "The upload was rejected."


class UploadNotDirect(NocturnalError):
    """The file comes, or came, through an instance; there is nothing to complete and there are no parts."""

    code = "upload_not_direct"
    status = 409
    title = "The file does not come straight to the storage."


class NoThumbnail(NocturnalError):
    """There is no small picture of the file and never will be; ``reason`` is a word that says why."""

    code = "no_thumbnail"
    status = 404
    title = "There is no small picture of this file."


class UploadQuarantined(NocturnalError):
    """Staff hold the file back; its owner sees it, may delete it, and cannot download it."""

    code = "upload_quarantined"
    status = 403
    title = "The file is held back."


class UploadNotReady(NocturnalError):
    """The file's bytes are not stored yet."""

    code = "upload_not_ready"
    status = 409
    title = "The file is not ready."


class IdempotencyConflict(NocturnalError):
    """A request with the same Idempotency-Key is still being carried out."""

    code = "request_in_progress"
    status = 409
    title = "A request with this Idempotency-Key is in progress."


class IdempotencyMismatch(NocturnalError):
    """The Idempotency-Key was used for another file."""

    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for a different request."
