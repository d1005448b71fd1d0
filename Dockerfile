FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements.lock ./
# Wheels with the hashes of the lock, and nothing that runs code to be built.
RUN pip download --no-cache-dir --require-hashes --only-binary :all: --dest /wheels --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
# What an embedded store allocates with: libc's own costs it more.
RUN apt-get update && apt-get install -y --no-install-recommends libjemalloc2 && rm -rf /var/lib/apt/lists/*
# A fixed id, so that the owner of a mounted data directory can be named.
RUN useradd --uid 10001 --create-home tidegate && install -d -o tidegate -g tidegate /var/lib/tidegate /etc/tidegate
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels tidegate
USER tidegate
WORKDIR /var/lib/tidegate
ENV PYTHONUNBUFFERED=1
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["tidegate"]
CMD ["serve", "--config", "/etc/tidegate/tidegate.toml"]
