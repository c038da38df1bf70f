"""A whole fit of small traffic: the scenario's file, the judgement, the page, bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import loadgen
from loadgen.errors import LoadgenError
from loadgen.jobs.fit import Fitted, describe_fit, format_fitted
from loadgen.jobs.fit.page import build_fit_page
from loadgen.output import format_json
from loadgen.scenario import Scenario
from loadgen.traffic import compute_mean_rate
from loadgen.traffic.site import Site
from loadgen.units import format_percent
from tests.jobs.fit.consumers import tell_apart
from tests.jobs.fit.round_trip import write_traffic


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "bodies.ndjson"
    bodies = loadgen.generate("quickstart", sessions=200, seed=5, start="2026-01-01T12:00:00")
    path.write_bytes(b"\n".join(bodies))
    return path


@pytest.fixture(scope="module")
def fitted(source: Path) -> Fitted:
    return loadgen.fit(source, name="shop")


def test_the_file_is_a_scenario_with_a_comment_on_each_block(fitted: Fitted) -> None:
    scenario = Scenario.parse(fitted.text, "shop.toml")
    assert scenario == fitted.scenario
    assert scenario.name == "shop"
    assert [page.path for page in scenario.pages.values()] == ["/", "/product/{product}"]
    for block in ("arrivals", "population", "telemetry.desktop", "telemetry.api", "pools", "pages.home"):
        before = fitted.text.partition(f"[{block}]\n")[0].splitlines()
        assert before[-1].startswith("# "), block
    assert max(map(len, fitted.text.splitlines())) <= 150


def test_files_are_counted_by_kind_though_the_client_takes_fonts_for_style_sheets(fitted: Fitted) -> None:
    assert fitted.scenario.telemetry.resources == Scenario.load("quickstart").telemetry.resources


def test_the_sizes_of_documents_are_those_of_the_site(fitted: Fitted) -> None:
    site = Site(Scenario.load("quickstart"))
    home, product = fitted.scenario.pages.values()
    assert home.document_bytes == round(1024 * site.html_kb[0])  # it shows no item, so it has one size
    assert product.document_bytes == pytest.approx(1024 * site.html_kb[1], rel=0.1)
    assert [home.document_ratio, product.document_ratio] == pytest.approx(site.unpacked, rel=0.01)


def test_the_same_data_give_the_same_bytes(source: Path, fitted: Fitted) -> None:
    again = loadgen.fit([source], name="shop")
    assert again.text == fitted.text
    assert again.judgement == fitted.judgement


def test_every_comparison_has_a_verdict_and_what_chance_gives(fitted: Fitted) -> None:
    judgement = fitted.judgement
    assert judgement.recorded_sessions == fitted.sessions
    assert {each.group for each in judgement.comparisons} == {"arrivals", "visits", "visitors", "vitals", "events"}
    for each in judgement.comparisons:
        assert each.verdict in ("close", "off", "too little data")
        assert each.low <= each.high or each.distance != each.distance
    assert judgement.count("off") <= len(judgement.comparisons) / 5
    lines = list(format_fitted(fitted))
    assert max(map(len, lines)) <= 80
    assert any("sample rate: taken to be 1" in line for line in lines)


def test_a_classifier_hardly_tells_what_a_fit_generates_from_what_it_was_fitted_to(fitted: Fitted) -> None:
    """By chance and with 200 fitted sessions the AUC is 0.5 ± 0.05; one wrong kind of file made it 1."""
    found = tell_apart(Scenario.load("quickstart"), fitted.scenario, 150)
    assert found.auc <= 0.65, found.telling[:10]


def test_programs_read_the_same_as_json(fitted: Fitted) -> None:
    read = json.loads(format_json(describe_fit(fitted)))
    assert read["sessions"] == fitted.sessions
    assert len(read["judgement"]["comparisons"]) == len(fitted.judgement.comparisons)
    assert read["templates"] == {"home": "/", "product": "/product/{product}"}


def test_a_pattern_that_no_path_fits_is_told(source: Path) -> None:
    notes = loadgen.fit(source, page=("/nowhere/{thing}", "/product/{product}")).notes
    assert [note for note in notes if note.startswith("--page")] == [
        "--page /nowhere/{thing}: no page came of it, as no path fits it or too few visitors saw one that does"
    ]


def test_the_page_draws_every_pair(fitted: Fitted) -> None:
    page = build_fit_page(fitted)
    for place, name in enumerate(fitted.scenario.pages):
        shares = next(pair for pair in fitted.judgement.pairs if pair.name == "page views")
        recorded, generated = (format_percent(side[place]) for side in (shares.recorded, shares.generated))
        assert f'<th scope="row">{name}</th><td>{recorded}</td><td>{generated}</td>' in page
    assert page.count('class="plot"') == len(fitted.judgement.pairs)
    assert "recorded" in page
    assert "generated" in page


def test_a_held_out_half_is_compared_and_not_fitted(source: Path) -> None:
    halves = loadgen.fit(source, holdout=0.5)
    assert halves.judgement.held_out
    assert halves.judgement.recorded_sessions == halves.sessions // 2
    told = re.search(r"([\d,]+) recorded sessions with ([\d,]+) events", halves.scenario.description)
    assert told is not None
    assert int(told[1]) == halves.sessions - halves.sessions // 2
    assert int(told[2].replace(",", "")) < 0.7 * halves.events
    rate = halves.scenario.arrivals.rate
    assert rate is not None
    assert rate == pytest.approx(2.5, rel=0.3)  # of the whole, not of the half that was fitted


def test_the_sample_rate_is_made_up_for(source: Path, fitted: Fitted) -> None:
    tenth = loadgen.fit(source, sample_rate=0.1)
    assert tenth.scenario.monitor.sample_rate == 0.1
    assert tenth.scenario.arrivals.rate == pytest.approx((fitted.scenario.arrivals.rate or 0) * 10, rel=0.01)
    assert not any("sample rate" in note for note in tenth.notes)


def test_too_few_sessions_and_nothing_to_read_are_refused(source: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.ndjson"
    few.write_bytes(b"\n".join(loadgen.generate("quickstart", sessions=29, seed=5, start="2026-01-01")))
    with pytest.raises(LoadgenError, match="only 29 sessions"):
        loadgen.fit(few)
    with pytest.raises(LoadgenError, match="nothing to fit"):
        loadgen.fit()
    with pytest.raises(LoadgenError, match="no pattern of a path"):
        loadgen.fit(source, page=("help",))
    with pytest.raises(LoadgenError, match="200 sessions without a page that 500 visitors saw"):
        loadgen.fit(source, at_least=500)
    for share in (0.01, 0.97):
        with pytest.raises(LoadgenError, match="leaves too few; give one nearer"):
            loadgen.fit(source, holdout=share)


def test_without_cookies_visits_are_found_and_that_is_told(tmp_path: Path) -> None:
    scenario = Scenario.load("quickstart")
    scenario = scenario.model_copy(update={"client": scenario.client.model_copy(update={"allowCookies": False})})
    path = tmp_path / "bodies.ndjson"
    path.write_bytes(b"\n".join(loadgen.generate(scenario, sessions=100, seed=5, start="2026-01-01")))
    found = loadgen.fit(path)
    assert found.scenario.client.allowCookies is False
    assert found.sessions > 150  # loads
    assert compute_mean_rate(found.scenario).expected == pytest.approx(100, rel=0.05)
    assert all(page.exit < 0.9 for page in found.scenario.pages.values())
    assert any(note.startswith("no cookies") for note in found.notes)


PLANTED = """
name = "planted"
duration = "10m"
arrivals.rate = 0.7
monitor.version = "4.12.1"

[client]
enableXRay = true

[population]
countries = { CH = 1 }
systems = { Windows = 50, Linux = 10, Android = 40 }
versions.mobile = { Chrome = { "140" = 1 } }
languages = { CH = { "de-CH" = 70, "fr-CH" = 30 } }
direct = 0.1
reopened = 0.4

[telemetry]
protocol = "h3"

[pages.home]
path = "/"
to = { item = 0.7 }
exit = 0.3
api = [
    "GET /api/feed", "GET /api/news", "GET /api/tips", { path = "/api/odd", failures = { "503" = 0.4 } },
    { path = "/api/me", failures = { "403" = 0.04 } },
]
resources = { script = 2, iframe = 1, media = 2, image = 5 }

[pages.item]
path = "/item/{item}"
to = { home = 0.5 }
exit = 0.5
"""


def test_what_a_scenario_states_beside_its_pages_is_written_back(tmp_path: Path) -> None:
    path = tmp_path / "bodies"
    truth = Scenario.parse(PLANTED, "planted.toml")
    path.write_bytes(b"\n".join(write_traffic(truth, 3)))
    found = loadgen.fit(path).scenario
    people = found.population
    assert people.systems is not None
    assert {name: share / sum(people.systems.values()) for name, share in people.systems.items()} == {
        "Windows": pytest.approx(0.5, abs=0.08), "Android": pytest.approx(0.4, abs=0.08),
        "Linux": pytest.approx(0.1, abs=0.05),
    }  # fmt: skip
    assert list(people.versions.mobile["Chrome"]) == ["140"]
    assert people.languages["CH"]["fr-CH"] == pytest.approx(30, abs=8)
    assert people.direct == pytest.approx(0.1, abs=0.05)
    assert people.reopened == pytest.approx(0.4, abs=0.08)
    assert found.telemetry.protocol == "h3"
    home = found.pages["home"]
    usual = home.resources or found.telemetry.resources
    assert (usual.script, usual.image, usual.iframe, usual.media) == (2, 5, 1, 2)
    failures = {call.path: call.failures or {} for call in home.api}
    assert failures["/api/feed"] == {}
    assert failures["/api/odd"]["503"] == pytest.approx(0.4, abs=0.08)
    assert failures["/api/me"] == {"403": pytest.approx(0.04, abs=0.025)}
    assert found.monitor.version == "4.12.1"


def test_a_single_page_is_fitted_and_told(tmp_path: Path) -> None:
    path = tmp_path / "bodies.ndjson"
    path.write_bytes(b"\n".join(loadgen.generate("quota-probe", sessions=100, seed=5, start="2026-01-01")))
    found = loadgen.fit(path)
    assert list(found.scenario.pages) == ["home"]
    assert any("a single page" in note for note in found.notes)
