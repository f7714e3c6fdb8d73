"""The paths of uploads, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from uploads.views import UploadViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("uploads", UploadViewSet, basename="upload")
urlpatterns = router.urls
