# Two stages: build tools stay in the first; the second has Python, the packages and the demo.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip: the finished environment cannot install anything.
RUN python -m venv --without-pip /opt/tidegauge
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/tidegauge install -q --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY service service
COPY simulator simulator
COPY tidegauge tidegauge
COPY migrations migrations
COPY config/monitors config/monitors
COPY client client
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel -q --no-deps -w dist . ./client && pip --python /opt/tidegauge install -q --no-deps dist/*.whl
# Outside the checkout, so that the installed package is what runs. The demo's files are part of the image, not
# of a volume, so that a new image has new ones.
WORKDIR /
ENV TIDEGAUGE_DATA_DIR=/var/lib/tidegauge
RUN /opt/tidegauge/bin/python -m simulator prepare && mkdir -p /var/lib/tidegauge/reports /var/lib/tidegauge/inbox /var/lib/tidegauge/client && chmod -R a+rX /var/lib/tidegauge

FROM python:3.13-slim
RUN groupadd --gid 10001 tidegauge \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /srv/tidegauge --shell /usr/sbin/nologin tidegauge
ENV PATH=/opt/tidegauge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    TIDEGAUGE_DATA_DIR=/var/lib/tidegauge \
    TIDEGAUGE_HTTP_HOST=0.0.0.0
COPY --from=build /opt/tidegauge /opt/tidegauge
COPY --from=build --chown=10001:10001 /var/lib/tidegauge /var/lib/tidegauge
# Laid out like a checkout, so that relative paths mean the same.
WORKDIR /srv/tidegauge
COPY config/monitors config/monitors
COPY config/live config/live
RUN ln -s /var/lib/tidegauge .data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-c", "import http.client as h, os, ssl; tls = os.environ.get('TIDEGAUGE_TLS_CERT'); c = h.HTTPSConnection('127.0.0.1', 8000, timeout=3, context=ssl._create_unverified_context()) if tls else h.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tidegauge"]
CMD ["run"]
