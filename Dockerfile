# One image for all roles: docker run leeway profile, docker run leeway judge, ...
# What is installed is named by its hash in requirements/; the wheel is the one that the tests install.

FROM python:3.12-slim-bookworm AS built
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/leeway \
 && /opt/leeway/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt \
 && pip install --no-cache-dir --require-hashes -r requirements/build.txt
# The decoder in C++ halves what an event costs. Its compiler, Debian's, stays in this stage.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ \
 && rm -rf /var/lib/apt/lists/*
COPY native/ native/
RUN python -m venv /opt/building \
 && /opt/building/bin/pip install --no-cache-dir --require-hashes -r requirements/native.txt \
 && /opt/building/bin/pip wheel --no-deps --no-build-isolation -w /wheel ./native
COPY LICENSE README.md pyproject.toml ./
COPY schemas/ schemas/
COPY detectors/ detectors/
COPY stream/ stream/
RUN hatchling build -t wheel -d /wheel \
 && /opt/leeway/bin/pip install --no-cache-dir --no-index --no-deps /wheel/*.whl

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Leeway" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=built /opt/leeway /opt/leeway
ENV PATH=/opt/leeway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Nothing is kept in the container, so its root may be read-only; /tmp is the one place to scribble.
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["leeway"]
CMD ["--help"]
