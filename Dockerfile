# The suite in one image; which component runs is its argument: `foosets run fooset`.
#
#   docker build --tag foosets:0.1.0 .
#
# BASE is any image of Debian with Python 3.11 or newer, `python3 -m venv` included.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# pip stays in an environment of its own, and installs into one that has none.
RUN python3 -m venv /build/pip && python3 -m venv --without-pip /opt/foosets
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-build.lock /src/
# Packages alone first: they change less often than our own code, and their layer is reused.
RUN /build/pip/bin/pip install --quiet --require-hashes --requirement /src/requirements-build.lock \
 && /build/pip/bin/pip --python /opt/foosets/bin/python install --quiet --require-hashes --only-binary :all: \
    --requirement /src/requirements.lock
COPY pyproject.toml README.md LICENSE /src/
COPY controllers /src/controllers
RUN /build/pip/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /build/wheel /src \
 && /build/pip/bin/pip --python /opt/foosets/bin/python install --quiet --no-deps --no-index /build/wheel/*.whl

FROM ${BASE}
COPY --from=build /opt/foosets /opt/foosets
# The root file system may be read-only: bytecode was compiled above, and nothing else is written.
ENV PATH=/opt/foosets/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# By number, so that a kubelet can tell that it is not root; the owner of nothing.
USER 65532:65532
ENTRYPOINT []
CMD ["foosets", "--help"]
# Last, so that a commit without a change of code builds no layer anew.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="FooSets" \
      org.opencontainers.image.description="Cooperating controllers that refine a FooSet, level by level, down to placed pods" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
