# One image for API, workers, simulator and commands: `docker run penstock worker cache`. Servers are not in it.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Behind a proxy of PyPI: --build-arg PIP_INDEX_URL=…. Of this stage only /opt/penstock goes on, so no address is kept.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=
WORKDIR /src
# The libraries first: a change of ours doesn't fetch them again.
COPY requirements/container.txt requirements/container.txt
RUN python3 -m venv /opt/penstock \
 && /opt/penstock/bin/pip install --quiet --require-hashes -r requirements/container.txt
COPY pyproject.toml README.md ./
COPY contracts contracts
COPY ingestion ingestion
COPY infra infra
COPY workers workers
COPY api api
COPY cli cli
# Byte code is written here, as the image's file system is read-only where it runs. What installs is not needed there, nor
# is what libraries ask for and never import on our ways: 240 MB (tests/deploy/test_image.py).
RUN /opt/penstock/bin/pip install --quiet --no-deps --no-build-isolation --no-index . \
 && /opt/penstock/bin/pip uninstall --quiet --yes magika onnxruntime flatbuffers scipy hf-xet \
 && /opt/penstock/bin/pip uninstall --quiet --yes setuptools pip \
 && find /opt/penstock -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} + \
 && /opt/penstock/bin/python -m compileall -q -j 0 /opt/penstock/lib

FROM ${PYTHON_IMAGE}
# A volume that is mounted on one of these directories first has its owner.
RUN groupadd --gid 10001 penstock \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin penstock \
 && install -d -o 10001 -g 10001 -m 0700 \
      /var/lib/penstock/operator /var/lib/penstock/nats-access /var/lib/penstock/nats-data /var/lib/penstock/jaeger-data
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
ENTRYPOINT ["penstock"]
CMD ["--help"]
