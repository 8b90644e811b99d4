# Targets: api (no torch), dashboard, train.
#   docker build --target api -t imaml-api .
#   docker run --network host -v imaml:/data imaml-api
# Both services listen on loopback addresses alone, so they need the network of the host.

FROM python:3.11-slim AS base
WORKDIR /app
ENV PYTHONUNBUFFERED=1 IMAML_HOME=/data
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY imaml imaml
COPY backend backend
COPY dashboard dashboard
COPY migrations migrations
RUN useradd --create-home imaml && mkdir /data && chown imaml /data
VOLUME /data

FROM base AS api
RUN pip install --no-cache-dir -c constraints.txt '.[api]'
USER imaml
CMD ["sh", "-c", "imaml db upgrade && exec imaml serve"]

FROM base AS dashboard
RUN pip install --no-cache-dir -c constraints.txt '.[dashboard]'
USER imaml
CMD ["imaml", "dashboard"]

FROM base AS train
RUN pip install --no-cache-dir -c constraints.txt '.[train]'
USER imaml
ENTRYPOINT ["imaml"]
CMD ["train", "--help"]
