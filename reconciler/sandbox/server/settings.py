"""The settings of the Django inside the sandbox. Data only; for `database.configure` and mypy's Django plugin."""

ALLOWED_HOSTS = ["*"]
APPEND_SLASH = False  # contract §2.1: both forms are served, without a redirect
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024  # contract §2.7
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 0.5},  # a file that another sandbox holds is not going to be let go
    }
}
DEBUG = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["reconciler.sandbox.server"]
LOGGING_CONFIG = None  # an expected 404 is no news, and nothing secret may end up in a log
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],  # named by the views: the framework would import them while it is imported
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "reconciler.sandbox.server.errors.answer",
    "PAGE_SIZE": 100,  # contract §2.6
    "UNAUTHENTICATED_USER": None,
}
ROOT_URLCONF = "reconciler.sandbox.server.urls"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # contract §2.6: links name what the proxy names
SECRET_KEY = "the sandbox signs nothing"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
USE_X_FORWARDED_HOST = True
