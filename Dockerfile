# Targets: api (no torch), dashboard, train. compose.yaml runs the first two, with PostgreSQL.
#   docker build --target api -t imaml-api .

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
RUN pip install --no-cache-dir -c constraints.txt '.[api,telemetry]'
USER imaml
# Without a key the service refuses to be reached from outside of the container, and says how to make one.
CMD ["sh", "-c", "imaml db upgrade && imaml models starters && exec imaml serve --host 0.0.0.0"]

FROM base AS dashboard
RUN pip install --no-cache-dir -c constraints.txt '.[dashboard]'
USER imaml
CMD ["imaml", "dashboard", "--host", "0.0.0.0"]

FROM base AS train
RUN pip install --no-cache-dir -c constraints.txt '.[train]'
USER imaml
ENTRYPOINT ["imaml"]
CMD ["train", "--help"]
