# One image for every service of docker-compose.yml that is ours. Prefect's own would not do: the server needs
# prefect-redis beside it, and the versions that requirements.lock knows to work together.

# By its version; a digest behind it (PYTHON_IMAGE in .env) has every build begin with the same bytes.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Every file that is installed has a digest here, or is built from this folder.
COPY requirements-image.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/bookcover \
    && python -m pip --python /opt/bookcover/bin/python install --no-deps --require-hashes -r requirements-image.lock
RUN python -m venv --without-pip /opt/builder \
    && python -m pip --python /opt/builder/bin/python install --no-deps --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY data/reference data/reference
COPY bookcover_core bookcover_core
COPY tasks tasks
COPY flows flows
COPY deployments deployments
RUN /opt/builder/bin/python -m hatchling build --target wheel \
    && python -m pip --python /opt/bookcover/bin/python install --no-index --no-deps dist/*.whl


FROM ${PYTHON_IMAGE}

# Nothing is installed from now on. The folders are there so that volumes over them belong to the user.
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
    && groupadd --gid 10001 bookcover \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /srv/bookcover --shell /usr/sbin/nologin bookcover \
    && install --directory --owner=bookcover --group=bookcover \
        /srv/bookcover /srv/bookcover/data /srv/bookcover/data/studies /var/cache/bookcover
COPY --from=build /opt/bookcover /opt/bookcover

# Whatever wants a home or a cache of its own finds it in /tmp, which is all that can be written beside the volumes.
ENV PATH=/opt/bookcover/bin:$PATH \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONPYCACHEPREFIX=/tmp/pycache \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /srv/bookcover

# What is healthy differs from service to service: docker-compose.yml says it.
HEALTHCHECK NONE
CMD ["bookcover", "--help"]
