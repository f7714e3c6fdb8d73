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


class FileRefused(NocturnalError):
    """The bytes are not what we keep, whoever sends them; sending them again is no use."""


class UnsupportedFileType(FileRefused):
    """The bytes are of no type that we keep."""

    code = "unsupported_file_type"
    status = 415
    title = "Files of this type are not accepted."


class FileTypeMismatch(FileRefused):
    """The bytes are of another type than the name or the declared type says."""

    code = "file_type_mismatch"
    status = 422
    title = "The file is not of the type that it claims."


class FileMalformed(FileRefused):
    """The bytes begin as a type that we keep and do not go on as one: cut short, damaged, or something else as well."""

    code = "file_malformed"
    status = 422
    title = "The file is damaged, or is more than it says."


class PictureTooLarge(FileRefused):
    """Decoding the picture would take more than a picture may; ``max_pixels`` and the like say what it may."""

    code = "picture_too_large"
    status = 422
    title = "The picture has too many pixels or frames."


class FileInfected(FileRefused):
    """The virus scanner found something; ``signature`` is what it calls it."""

    code = "file_infected"
    status = 422
    title = "The file is infected."


class FileNotScannable(FileRefused):
    """The file is larger than the virus scanner takes."""

    code = "file_not_scannable"
    status = 422
    title = "The file cannot be scanned for viruses."


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


class ContentMismatch(FileRefused):
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
