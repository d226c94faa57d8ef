# The instrument on CPUs, without torch. Built from a checkout:  docker build -t sca .
# Runs without a network:  docker run --rm --network none -v "$PWD:/work" sca score speeches.csv --out runs/mine
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
WORKDIR /src
RUN python -m venv /opt/sca && /opt/sca/bin/pip install --no-cache-dir --disable-pip-version-check build hatchling
COPY . .
# The versions are those of requirements.lock: as a constraint, since the lock also holds what only developers need.
RUN sed -nE 's/^([a-zA-Z0-9._-]+==[^ ]+( ;[^\\]*)?) *\\$/\1/p' requirements.lock > /tmp/constraints.txt \
 && /opt/sca/bin/python -m build --no-isolation --wheel --outdir /wheels . \
 && python -m venv --clear /opt/sca \
 && /opt/sca/bin/pip install --no-cache-dir --disable-pip-version-check --constraint /tmp/constraints.txt \
      "$(ls /wheels/*.whl)[pdf]"

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="sca_nlp" \
      org.opencontainers.image.description="Words against deeds: an instrument for the study of security communities" \
      org.opencontainers.image.licenses="Apache-2.0"
# Whoever runs it may give another user (-u "$(id -u)"), so nothing may hang on a home folder.
RUN useradd --create-home --uid 1000 analyst && mkdir /work && chown analyst /work
COPY --from=build /opt/sca /opt/sca
ENV PATH=/opt/sca/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    HF_HUB_OFFLINE=1
USER 1000
WORKDIR /work
RUN sca doctor
ENTRYPOINT ["sca"]
CMD ["--help"]
