# Images of Threat Share.
#
#   docker build -t threatshare-worker .                        worker and starter (the default target)
#   docker build -t threatshare-simulator --target simulator .  both vendors, simulated: for the demo only
#
# Pinned by version. Who needs the very same bytes pins the digest as well (golang:…@sha256:…, from
# `docker buildx imagetools inspect`); it is left out here because nobody should trust one that was not looked up.

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
# No toolchain is fetched behind the image's back, and no dependency that go.sum does not know.
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The same sources give the same bytes: no paths, no build id, no version control stamp (.git is not in the context anyway).
ARG TARGETOS=linux
ARG TARGETARCH
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o /out/ ./worker ./starter ./internal/simulator/cmd/simulator
RUN mkdir /data

# Nothing but what is copied: no shell, no package manager, no user database (so users are numbers).
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /licenses/LICENSE
USER 65532:65532

FROM base AS simulator
COPY --from=build /out/simulator /usr/local/bin/simulator
# It listens on loopback addresses only: whoever is to reach it shares its network.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/simulator", "-probe", "-admin", "127.0.0.1:4030"]
ENTRYPOINT ["/usr/local/bin/simulator"]
CMD ["-mimecast", "127.0.0.1:4010", "-falcon", "127.0.0.1:4020", "-admin", "127.0.0.1:4030"]

# The last stage is what is built without --target.
FROM base AS worker
COPY --from=build /out/worker /out/starter /usr/local/bin/
# Where a SQLite ledger goes (THREATSHARE_LEDGER is sqlite:threatshare.db unless set). Mount a volume here, or keep the ledger
# in PostgreSQL and mount nothing: the worker writes no other file, and the root file system can be read-only.
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/worker", "health"]
ENTRYPOINT ["/usr/local/bin/worker"]
