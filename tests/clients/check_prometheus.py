"""Prometheus' parsers, the new and the old, on /metrics."""

import json
import re
import urllib.request

from expected import TEXTS, WEATHER
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from checks import check

# What Prometheus sends, newest form first, and what it sends where OpenMetrics is turned off.
NEW = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
OLD = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
# All that the old text format knows: Prometheus refuses a page with any other.
OLD_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def scrape(url, accept):
    request = urllib.request.Request(f"{url}/metrics", headers={"accept": accept} if accept else {})
    with urllib.request.urlopen(request) as response:
        return response.headers["content-type"], response.read().decode()


def samples(families):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def ask(url):
    body = json.dumps({"inputs": [TEXTS[WEATHER]] * 3}).encode()
    request = urllib.request.Request(f"{url}/embed_sparse", body, {"content-type": "application/json"})
    urllib.request.urlopen(request).close()


def assert_counts(url, accept, parse):
    before = samples(parse(scrape(url, accept)[1]))
    ask(url)
    after = samples(parse(scrape(url, accept)[1]))
    requests = ("splade_requests_total", (("path", "/embed_sparse"), ("status", "200")))
    for sample, step in [(requests, 1), (("splade_texts_total", ()), 3), (("splade_tokens_total", ()), 24)]:
        assert after[sample] - before.get(sample, 0) == step, (sample, before.get(sample), after[sample])
    durations = ("splade_request_duration_seconds_count", (("path", "/embed_sparse"),))
    assert after[durations] - before.get(durations, 0) == 1


@check
def prometheus_openmetrics(url):
    content_type, text = scrape(url, NEW)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0"), content_type
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in openmetrics_parser.text_string_to_metric_families(text)}
    assert families["splade_model"].type == "info"
    [model] = families["splade_model"].samples
    assert model.labels["model"] == "splade-tiny", model
    assert_counts(url, NEW, lambda text: list(openmetrics_parser.text_string_to_metric_families(text)))


@check
def prometheus_text(url):
    for accept in (OLD, "text/plain", None, "*/*"):
        content_type, text = scrape(url, accept)
        assert content_type.startswith("text/plain; version=0.0.4"), (accept, content_type)
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        assert types and set(types.values()) <= OLD_TYPES, types
        # Here a counter's type stands under its whole name.
        assert types["splade_requests_total"] == "counter", types
        assert types["splade_model_info"] == "gauge", types
        assert "# EOF" not in text and "# UNIT" not in text
        for name in types:
            assert re.search(rf"^{name}(_bucket|_count|_sum)?[{{ ]", text, re.MULTILINE) or name in EMPTY, name
    assert_counts(url, OLD, lambda text: list(parser.text_string_to_metric_families(text)))


# Families without a member until something happens.
EMPTY = {"splade_shed_total"}
