# The image of every instance, of the migration and of every other command: docker build -t nocturnal .
# Any builder makes it, the one of Docker 20.10 as well: there is no syntax line, and nothing is mounted.

FROM python:3.11-slim-bookworm AS build

# One package has no wheel (gunicorn's parser, in C).
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc=4:12.* libc6-dev=2.36-* tini=0.19.* \
    && rm -rf /var/lib/apt/lists/*

# REQUIREMENTS=tracing adds what OTEL_EXPORTER_OTLP_ENDPOINT needs.
ARG REQUIREMENTS=production
COPY requirements/${REQUIREMENTS}.txt /tmp/requirements.txt
# pip leaves when its work is done, because nothing is to be installed where the instance runs; and so do Django's
# translations' sources, which nothing reads.
RUN python -m venv /opt/nocturnal \
    && /opt/nocturnal/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement /tmp/requirements.txt \
    && /opt/nocturnal/bin/python -m pip uninstall --quiet --yes setuptools pip \
    && find /opt/nocturnal -name '*.po' -delete

WORKDIR /app
COPY . .
# Compiled here, because the root is read-only there. The two keys sign nothing: settings only want some.
RUN NOCTURNAL_ENV=production SECRET_KEY=build JWT_SECRET=build DATA_DIR=/tmp/data \
        /opt/nocturnal/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /opt/nocturnal/bin/python -m compileall -q /app \
    && chmod -R go=rX /app

FROM python:3.11-slim-bookworm

# The first process: it reaps orphans and passes signals on, so that nobody has to remember --init.
COPY --from=build /usr/bin/tini /usr/bin/tini
# A home for SQLite and local files where there is no MongoDB and no S3; production keeps nothing here.
RUN groupadd --gid 10001 nocturnal \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin nocturnal \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/nocturnal /opt/nocturnal
COPY --from=build /app /app

ENV PATH=/opt/nocturnal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NOCTURNAL_ENV=production \
    BIND_ADDRESS=0.0.0.0 \
    PORT=5000 \
    DATA_DIR=/data
WORKDIR /app
USER 10001:10001
EXPOSE 5000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/app/deploy/docker/healthcheck.py"]
ENTRYPOINT ["tini", "--"]
# The server gets SIGTERM itself and drains; it ends with 0.
CMD ["python", "-m", "nocturnal_project.serve"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Nocturnal" \
    org.opencontainers.image.description="A stateless Django REST platform: accounts, private files and rate limits." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
