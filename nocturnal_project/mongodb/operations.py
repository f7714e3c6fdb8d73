"""Where Django finds our compilers, and a log of the operations that only they send."""

from typing import Any

from django_mongodb_backend import operations, utils


class DatabaseOperations(operations.DatabaseOperations):
    """The parent's, with our compilers."""

    compiler_module = "nocturnal_project.mongodb.compiler"


class LoggedOperations(utils.OperationDebugWrapper):
    """A collection that logs what it does, so that tests and the debug log see every query."""

    def update_one(self, *args: Any, **kwargs: Any) -> Any:
        """Update at most one document, and log it."""
        return self._logged("update_one", args, kwargs)

    def delete_one(self, *args: Any, **kwargs: Any) -> Any:
        """Delete at most one document, and log it."""
        return self._logged("delete_one", args, kwargs)

    def _logged(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        duration, result = self.profile_call(getattr(self.wrapped, name), args, kwargs)
        self.log(name, duration, args, kwargs)
        return result
