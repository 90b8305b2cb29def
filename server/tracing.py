"""Traces by OpenTelemetry for who asks for them: requests by route, commits of the log. An extra, off by default."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from server.config import BadConfig, Config
from server.spans import SpanOf, no_span

_ENV = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def tracing(config: Config) -> Generator[SpanOf]:
    """What marks a span, while the block lasts; nothing where no endpoint is named. Raises BadConfig."""
    if not (config.otlp_endpoint or os.environ.get(_ENV)):
        yield no_span
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise BadConfig("otlp_endpoint: OpenTelemetry is not installed: pip install 'gatehouse[otel]'") from error
    endpoint = f"{config.otlp_endpoint.rstrip('/')}/v1/traces" if config.otlp_endpoint else None
    with exporting(OTLPSpanExporter(endpoint=endpoint)) as span:
        yield span


@contextmanager
def exporting(exporter: Any) -> Generator[SpanOf]:
    """What marks a span that goes to this exporter, in the background and with a bound on what waits."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": "gatehouse-server", "service.version": version("gatehouse")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=5_000))
    tracer = provider.get_tracer("gatehouse")

    def span(name: str, attributes: Mapping[str, str | int]) -> Any:
        return tracer.start_as_current_span(name, attributes=dict(attributes))

    try:
        yield span
    finally:
        provider.shutdown()
