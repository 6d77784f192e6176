# Stint in an image with nothing else in it: one static binary with CA roots and time zones inside.
#
#   docker build -t stint .
#   docker run -p 8443:8443 -v stint-data:/data -v stint-keys:/keys -v /etc/stint:/etc/stint:ro \
#     -e STINT_CONFIG=/etc/stint/stint.yaml stint

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/stint ./cmd/stint
# Volumes take owner and mode from the image: the user below must be able to write, and nobody else to read.
RUN mkdir -m 0700 /out/data /out/keys && mkdir -m 1777 /out/tmp

FROM scratch
COPY --from=build --chown=65532:65532 /out/ /
USER 65532:65532
# The keys are a volume of their own, so that a copy of the data does not carry them along.
ENV STINT_DATA=/data STINT_KEYS=/keys
VOLUME ["/data", "/keys"]
EXPOSE 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/stint", "health"]
ENTRYPOINT ["/stint"]
CMD ["serve"]
