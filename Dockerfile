# One image for worker, pages and console: the command says which.
#
#     docker build -t gmail-migrator .
#     docker run --rm gmail-migrator --help
#
# BASE may be another Debian with this Python, such as one of your own registry, by digest.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS built
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/migrator
COPY requirements-image.lock /src/
# Hashes checked, wheels alone: nothing is compiled, and no package's own build is run.
RUN /opt/migrator/bin/pip install --require-hashes --only-binary :all: -r /src/requirements-image.lock
COPY pyproject.toml README.md LICENSE /src/
COPY app /src/app
COPY deploy/redis /src/deploy/redis
COPY emulator /src/emulator
COPY jobs /src/jobs
COPY migrator /src/migrator
COPY oauth /src/oauth
COPY web /src/web
RUN /opt/migrator/bin/pip install --no-deps --no-build-isolation --no-index /src \
    && /opt/migrator/bin/pip uninstall --yes setuptools pip

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin migrator
COPY --from=built /opt/migrator /opt/migrator
ENV PATH=/opt/migrator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    RUNTIME_DIRECTORY=/run/migrator \
    MIGRATOR_CONFIG=/etc/migrator/config.toml
RUN install -d -o migrator -g migrator -m 700 /run/migrator
# The root may be read-only: only /run/migrator is written to.
WORKDIR /run/migrator
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8080 8081
ENTRYPOINT ["migrator"]
CMD ["worker"]
