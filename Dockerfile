# Targets: api (no torch), dashboard, train.
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
RUN pip install --no-cache-dir -c constraints.txt '.[api]'
USER imaml
EXPOSE 8000
CMD ["imaml", "serve"]

FROM base AS dashboard
RUN pip install --no-cache-dir -c constraints.txt '.[dashboard]'
USER imaml
EXPOSE 8501
CMD ["imaml", "dashboard"]

FROM base AS train
RUN pip install --no-cache-dir -c constraints.txt '.[train]'
USER imaml
ENTRYPOINT ["imaml"]
CMD ["train", "--help"]
